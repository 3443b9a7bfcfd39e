-- Tercet's datagrams, for Wireshark and tshark. Made by docs/wireshark/make.py from the declarations in wire/ and from
-- template.lua: change those.
--
--   tshark -X lua_script:docs/wireshark/tercet.lua -r FILE        or: put it into the personal Lua plugins' folder
--
-- A sealed datagram shows its header; one that `tercet capture --opened` has opened (wire/opened.h) shows its message.
-- Found on UDP ports 8200 and 8210, and on others by what a header must hold.

local tercet = Proto("tercet", "Tercet")
local N, E, K, S, M = {}, {}, {}, {}, {}  -- names of enumerators, their numbers, constants, structs, messages
local fields = {}
local function field(f)
  fields[#fields + 1] = f
  return f
end
--@DECLARATIONS@
local f_opened = field(ProtoField.bool("tercet.opened", "Opened", base.NONE, nil, nil, "the plaintext is here"))
local f_sealed = field(ProtoField.bytes("tercet.sealed", "Sealed payload"))
local f_tag = field(ProtoField.bytes("tercet.tag", "Authentication tag"))
local f_message = field(ProtoField.string("tercet.message", "Message"))
local f_text = field(ProtoField.string("tercet.text", "Text"))
local f_body = field(ProtoField.bytes("tercet.body", "Body"))
local f_resigns = field(ProtoField.uint64("tercet.resignation.nonce", "nonce", base.HEX))
local f_issuer = field(ProtoField.bytes("tercet.genesis_body.issuer", "issuer's key"))
tercet.fields = fields
local x_short = ProtoExpert.new("tercet.short", "shorter than its format", expert.group.MALFORMED, expert.severity.ERROR)
local x_left = ProtoExpert.new("tercet.left", "bytes left over", expert.group.MALFORMED, expert.severity.ERROR)
local x_unknown = ProtoExpert.new("tercet.unknown", "unknown kind", expert.group.UNDECODED, expert.severity.WARN)
tercet.experts = {x_short, x_left, x_unknown}

-- A cursor: what is left of a message. `ok` is false once something was missing; then nothing more is read.
local Rest = {}
Rest.__index = Rest
local function rest_of(buf, tree)
  return setmetatable({buf = buf, at = 0, left = buf:len(), tree = tree, ok = true}, Rest)
end
function Rest:take(size, tree)
  if not self.ok or size > self.left then
    if self.ok then
      (tree or self.tree):add_proto_expert_info(x_short)
    end
    self.ok = false
    return nil
  end
  if size == 0 then
    return nil
  end
  local range = self.buf:range(self.at, size)
  self.at, self.left = self.at + size, self.left - size
  return range
end

local function add_value(tree, f, range)
  local item = tree:add_le(f.f, range)
  if f.flags then
    for _, flag in ipairs(f.flags) do
      item:add_le(flag, range)
    end
  end
  if f.epoch then
    local epoch = range:le_uint64()
    local lb = epoch:lower() % 4
    item:append_text(lb == 1 and "  (" .. tostring(epoch:rshift(2)) .. " of lb1)"
      or lb == 2 and "  (" .. tostring(epoch:rshift(2)) .. " of lb2)" or "  (none)")
  elseif f.wall then
    local ms = range:le_uint64():tonumber()
    if ms > 0 and ms < 4e15 then
      item:append_text("  (" .. os.date("!%Y-%m-%dT%H:%M:%S", math.floor(ms / 1000)) .. string.format(".%03dZ)", ms % 1000))
    end
  end
  return f.size <= 4 and range:le_uint() or nil
end

-- Adds a struct; returns its numbers (and byte ranges) by name and its subtree, or nil when it is not whole.
local function add_struct(rest, tree, s, title)
  local range = rest:take(s.size, tree)
  if not range then
    return nil
  end
  local inner, values = tree:add(tercet, range, title or s.name), {}
  for _, f in ipairs(s) do
    for i = 1, f.count or 1 do
      local part = range:range(f.at + (i - 1) * f.size, f.size)
      if f.struct then
        add_struct(rest_of(part, inner), inner, f.struct, f.name .. " " .. i)
      elseif f.kind == "bytes" then
        inner:add(f.f, part)
        values[f.name] = part
      else
        local value = add_value(inner, f, part)
        if f.count then
          values[f.name] = values[f.name] or {}
          values[f.name][i] = value
        else
          values[f.name] = value
        end
      end
    end
  end
  return values, inner
end

local function add_text(rest, tree, size, what)
  local range = rest:take(size, tree)
  if range then
    tree:add(f_text, range, range:string()):prepend_text(what .. ": ")
  end
end

-- A part of what is left, as a Rest of its own: lengths inside it cannot reach out of it.
local function part_of(rest, size, tree)
  local range = rest:take(size, tree)
  return range and rest_of(range, tree)
end

local function no_more(rest, tree)
  if rest.ok and rest.left > 0 then
    tree:add_proto_expert_info(x_left)
  end
end

local W = {}

local kRowOf = {
  [E.OpKind.read_licenses] = S.LicenseRow, [E.OpKind.read_containers] = S.ContainerRow,
  [E.OpKind.read_leases] = S.LeaseRow, [E.OpKind.read_lease] = S.LeaseRow, [E.OpKind.read_usage] = S.UsageRow,
}
local kTextsOf = {
  [S.LicenseRow] = {"name"}, [S.ContainerRow] = {"serial"},
  [S.LeaseRow] = {"user", "host", "process", "version", "station"}, [S.UsageRow] = {"name"},
}

local function page(rest, tree)
  local head, inner = add_struct(rest, tree, S.PageHeader, "Page")
  local row = head and kRowOf[head.kind]
  if not head then
    return
  end
  if not row then
    inner:add_proto_expert_info(x_unknown)
    return
  end
  for _ = 1, head.rows do
    if rest.left < 2 then
      rest:take(2, inner)
      return
    end
    local one = part_of(rest, rest.buf:range(rest.at, 2):le_uint(), inner)
    if not one then
      return
    end
    local values, shown = add_struct(one, inner, row)
    if not values then
      return
    end
    for _ = 1, values.denied or 0 do
      add_struct(one, shown, S.DenialCount, "Denied")
    end
    for _, text in ipairs(kTextsOf[row]) do
      add_text(one, shown, values[text .. "_size"], text)
    end
    no_more(one, shown)
  end
  no_more(rest, inner)
end

local kBodyOf = {
  [E.OpKind.checkout] = S.CheckoutBody, [E.OpKind.renew] = S.RenewBody, [E.OpKind.consume] = S.ConsumeBody,
  [E.OpKind.read_licenses] = S.ReadBody, [E.OpKind.read_containers] = S.ReadBody, [E.OpKind.read_leases] = S.ReadBody,
  [E.OpKind.read_lease] = S.ReadBody, [E.OpKind.read_usage] = S.ReadBody, [E.OpKind.status] = S.StatusBody,
}

-- One operation; returns its kind's name.
local function operation(rest, tree)
  if not rest.ok or rest.left < S.OpHeader.size then
    rest:take(S.OpHeader.size, tree)
    return nil
  end
  local length = rest.buf:range(rest.at + 2, 2):le_uint()
  local one = part_of(rest, length, tree)
  if not one then
    return nil
  end
  local head, inner = add_struct(one, tree, S.OpHeader, "Operation")
  if not head then
    return nil
  end
  local name = N.OpKind[head.kind] or tostring(head.kind)
  inner:append_text(": " .. name)
  local body = kBodyOf[head.kind]
  local values = body and add_struct(one, inner, body)
  if head.kind == E.OpKind.checkout and values then
    for _, text in ipairs({"user", "host", "process", "version", "station"}) do
      add_text(one, inner, values[text .. "_size"], text)
    end
  elseif head.kind == E.OpKind.import_constituent then
    add_text(one, inner, one.left, "constituent")
  end
  no_more(one, inner)
  return name
end

function W.operations(rest, tree, head)
  local names = {}
  for _ = 1, head.count do
    local name = operation(rest, tree)
    if not name then
      break
    end
    names[#names + 1] = name
  end
  return table.concat(names, " ")
end

-- A result or an answer's body, which is what its size says it is.
local function result(rest, tree)
  if rest.left == S.OpResult.size then
    local values, inner = add_struct(rest, tree, S.OpResult, "Result")
    inner:append_text(": " .. (N.Code[values.code] or "UNKNOWN_CODE"))
  elseif rest.left > 0 then
    tree:add(f_body, rest:take(rest.left))
  end
end

function W.answers(rest, tree, head)
  local names = {}
  for _ = 1, head.count do
    local item, inner = add_struct(rest, tree, S.ReplyItem, "Answer")
    if not item then
      break
    end
    local name = (N.OpKind[item.kind] or tostring(item.kind)) .. " " .. (N.Code[item.code] or "UNKNOWN_CODE")
    inner:append_text(": " .. name)
    names[#names + 1] = name
    if item.length > 0 then
      local body = part_of(rest, item.length, inner)
      if not body then
        break
      end
      if kRowOf[item.kind] then
        page(body, inner)
      elseif item.kind == E.OpKind.status then
        add_struct(body, inner, S.StatusPage)
        add_text(body, inner, body.left, "document")
      else
        result(body, inner)
      end
    end
  end
  return table.concat(names, ", ")
end

function W.introduction(rest, tree, head)
  local size = head.introduction
  local one = size > 0 and part_of(rest, size, tree)
  if one and size <= S.Introduction.size then
    tree:add(f_body, one:take(size)):prepend_text("Introduction, ")  -- messages carry any bytes here
  elseif one then
    local _, inner = add_struct(one, tree, S.Introduction)
    add_text(one, inner, one.left, "serial")
  end
end

local function genesis(rest, tree)
  local values, inner = add_struct(rest, tree, S.GenesisBody)
  if not values then
    return
  end
  for _ = 1, values.issuers do
    local key = rest:take(K.kIssuerKeySize, inner)
    if not key then
      return
    end
    inner:add(f_issuer, key)
  end
  for i = 0, values.introduction_size:len() - 1 do
    W.introduction(rest, inner, {introduction = values.introduction_size:range(i, 1):uint()})
  end
end

local function entry_body(rest, tree, kind)
  if kind == E.EntryKind.op then
    operation(rest, tree)
  elseif kind == E.EntryKind.genesis then
    genesis(rest, tree)
  elseif kind == E.EntryKind.epoch_start then
    local forced = rest.left > S.EpochStartBody.size  -- the operator's order
    add_struct(rest, tree, forced and S.ForcedStartBody or S.EpochStartBody)
  elseif kind == E.EntryKind.rejoin then
    add_struct(rest, tree, S.RejoinBody)
  elseif kind == E.EntryKind.constituent_gone then
    add_struct(rest, tree, S.ConstituentGoneBody)
  elseif kind == E.EntryKind.checkpoint then
    add_struct(rest, tree, S.CheckpointBody)
  elseif kind == E.EntryKind.usable then
    add_struct(rest, tree, S.UsableBody)
  elseif kind ~= E.EntryKind.tick then
    tree:add_proto_expert_info(x_unknown)
    return
  end
  no_more(rest, tree)
end

-- A struct with a `length` of what is behind it, and that as a Rest of its own (nil if there is none).
local function with_body(rest, tree, s, title)
  local values, inner = add_struct(rest, tree, s, title)
  if not values then
    return nil
  end
  local body = values.length > 0 and part_of(rest, values.length, inner) or rest_of(rest.buf:range(0, 0), inner)
  return values, inner, rest.ok and body or nil
end

function W.accept_items(rest, tree, head)
  local entries, reads = 0, 0
  for _ = 1, head.items do
    if not rest.ok or rest.left < 1 then
      rest:take(1, tree)
      break
    end
    local item = rest.buf:range(rest.at, 1):uint()
    if item == K.kItemEntry then
      local values, inner, body = with_body(rest, tree, S.AcceptItem, "Entry")
      if not body then
        break
      end
      entries = entries + 1
      inner:append_text(": " .. (N.EntryKind[values.kind] or tostring(values.kind)))
      entry_body(body, inner, values.kind)
    elseif item == K.kItemRead then
      local values, inner, body = with_body(rest, tree, S.ReadItem, "Read")
      if not body then
        break
      end
      reads = reads + 1
      operation(body, inner)
    else
      tree:add_proto_expert_info(x_unknown)
      return "?"
    end
  end
  return entries .. " entries, " .. reads .. " reads"
end

function W.piece(rest, tree, head)
  part_of(rest, head.size, tree)
  return head.size .. " of " .. tostring(head.total) .. " bytes"
end

function W.entries(rest, tree, head)
  for _ = 1, head.count do
    local values, inner, body = with_body(rest, tree, S.EntryHeader, "Entry")
    if not body then
      break
    end
    inner:append_text(": " .. (N.EntryKind[values.kind] or tostring(values.kind)))
    entry_body(body, inner, values.kind)
  end
  return head.count .. " entries"
end

function W.vote_results(rest, tree, head)
  for _ = 1, head.count do
    local values, inner, body = with_body(rest, tree, S.VoteResult, "Result")
    if not body then
      break
    end
    result(body, inner)
  end
  return head.count .. " results"
end

function W.answer_body(rest, tree, head)
  if head.flags % 2 == K.kWhole and rest.left > 0 then
    if rest.left >= S.PageHeader.size and kRowOf[rest.buf:range(rest.at, 1):uint()] then
      page(rest, tree)
    else
      tree:add(f_body, rest:take(rest.left))  -- messages carry any bytes here
    end
  end
end

local function plaintext(buf, tree, messages, names)
  local kind = buf:range(0, 1):uint()
  local message = messages[kind]
  local name = names[kind] or "unknown message " .. kind
  tree:add(f_message, buf:range(0, 1), name)
  tree:append_text(", " .. name)
  if not message then
    tree:add_proto_expert_info(x_unknown)
    return name
  end
  local rest = rest_of(buf, tree)
  local head, inner = add_struct(rest, tree, message.head)
  if not head then
    return name
  end
  local more = message.walk and W[message.walk](rest, inner, head)
  no_more(rest, tree)
  return more and name .. ": " .. more or name
end

local function is_opened(buf)
  return buf:len() >= S.OpenedMark.size + S.DatagramHeader.size and buf(0, 1):uint() == 0 and
    buf(1, 1):uint() == K.kOpenedVersion and buf(4, 4):string() == "open"
end

local function is_datagram(buf, at, tag)
  if buf:len() < at + S.DatagramHeader.size + tag or buf(at, 1):uint() ~= K.kDatagramVersion or
    buf(at + 3, 1):uint() ~= 0 then
    return false
  end
  local kind, sender, access = buf(at + 1, 1):uint(), buf(at + 2, 1):uint(), buf(at + 4, 4):le_uint()
  local of_client = kind == E.DatagramKind.client_to_lb or kind == E.DatagramKind.lb_to_client
  return N.DatagramKind[kind] ~= nil and N.ServerId[sender] ~= nil and (access ~= 0) == of_client
end

local function dissect(buf, pinfo, root)
  local opened = is_opened(buf)
  local start = opened and S.OpenedMark.size or 0
  if not is_datagram(buf, start, opened and 0 or K.kTagSize) then
    return 0
  end
  pinfo.cols.protocol = "Tercet"
  local tree = root:add(tercet, buf())
  tree:add(f_opened, buf(0, start > 0 and start or 1), opened):set_generated()
  local rest = rest_of(buf(), tree)
  if opened then
    add_struct(rest, tree, S.OpenedMark)
  end
  local head = add_struct(rest, tree, S.DatagramHeader, "Datagram")
  local kind = N.DatagramKind[head.kind]
  local info = kind .. " from " .. N.ServerId[head.sender]
  if not opened then
    local size = rest.left - K.kTagSize
    if size > 0 then
      tree:add(f_sealed, rest:take(size))
    end
    tree:add(f_tag, rest:take(K.kTagSize))
    tree:append_text(", " .. info)
    info = info .. ", sealed, " .. size .. " bytes"
  elseif rest.left > 0 then
    local plain = rest:take(rest.left)
    if head.kind == E.DatagramKind.resignation then
      tree:append_text(", Resignation")
      tree:add(f_message, plain, "Resignation")
      if plain:len() == 8 then
        tree:add_le(f_resigns, plain)
      end
      info = "Resignation of " .. N.ServerId[head.sender]
    elseif head.kind == E.DatagramKind.server_to_server then
      info = N.ServerId[head.sender] .. " " .. plaintext(plain, tree, M.CellMessage, N.CellMessage)
    else
      info = (head.sender == K.kSenderClient and "" or N.ServerId[head.sender] .. " ") ..
        plaintext(plain, tree, M.ClientMessage, N.ClientMessage)
    end
  end
  pinfo.cols.info = info
  return buf:len()
end

tercet.dissector = dissect
local ports = DissectorTable.get("udp.port")
ports:add(8200, tercet)
ports:add(8210, tercet)
tercet:register_heuristic("udp", function(buf, pinfo, root)
  return dissect(buf, pinfo, root) > 0
end)
