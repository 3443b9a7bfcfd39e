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
N.CellMessage = {[1] = "Accept", [2] = "Vote", [3] = "Answer", [4] = "Prepare", [5] = "Promise", [6] = "Refused", [7] = "Ask", [8] = "Heard", [9] = "Keepalive", [10] = "Missing", [11] = "Entries", [12] = "Heartbeat", [13] = "Handover", [14] = "Chunk", [15] = "Fetch"}
E.CellMessage = {accept = 1, vote = 2, answer = 3, prepare = 4, promise = 5, refused = 6, ask = 7, heard = 8, keepalive = 9, missing = 10, entries = 11, heartbeat = 12, handover = 13, chunk = 14, fetch = 15}
N.ClientMessage = {[1] = "Hello", [2] = "HelloAck", [3] = "Query", [4] = "Reply"}
E.ClientMessage = {hello = 1, hello_ack = 2, query = 3, reply = 4}
N.Code = {[0] = "GRANTED", [1] = "NO_SUCH_LICENSE", [2] = "ONLY_ONE_CONSTITUENT", [3] = "NO_FREE_SEAT", [4] = "EXPIRED", [5] = "NOT_YET_VALID", [6] = "USAGE_PERIOD_OVER", [7] = "FEATURE_NOT_LICENSED", [8] = "NO_UNITS_LEFT", [9] = "STATION_BUSY", [10] = "UNKNOWN_HANDLE", [11] = "REVOKED", [12] = "STALE", [13] = "BAD_REQUEST", [20] = "BAD_SIGNATURE", [21] = "UNKNOWN_ISSUER", [22] = "FOREIGN_CONTAINER", [23] = "REPEATED", [24] = "PROPERTIES_DIFFER", [25] = "OLDER_REVISION", [26] = "MALFORMED", [27] = "BOOK_FULL", [28] = "UNSUPPORTED_MODE", [29] = "CONTAINER_REVOKED", [40] = "BUSY", [41] = "NOT_ACTIVE", [42] = "UNAVAILABLE"}
E.Code = {granted = 0, no_such_license = 1, only_one_constituent = 2, no_free_seat = 3, expired = 4, not_yet_valid = 5, usage_period_over = 6, feature_not_licensed = 7, no_units_left = 8, station_busy = 9, unknown_handle = 10, revoked = 11, stale = 12, bad_request = 13, bad_signature = 20, unknown_issuer = 21, foreign_container = 22, repeated = 23, properties_differ = 24, older_revision = 25, malformed = 26, book_full = 27, unsupported_mode = 28, container_revoked = 29, busy = 40, not_active = 41, unavailable = 42}
N.ContainerState = {[0] = "here", [1] = "gone", [2] = "foreign", [3] = "revoked"}
E.ContainerState = {here = 0, gone = 1, foreign = 2, revoked = 3}
N.DatagramKind = {[1] = "client_to_lb", [2] = "lb_to_client", [3] = "server_to_server", [4] = "resignation"}
E.DatagramKind = {client_to_lb = 1, lb_to_client = 2, server_to_server = 3, resignation = 4}
N.EntryKind = {[1] = "op", [2] = "tick", [3] = "genesis", [4] = "epoch_start", [5] = "rejoin", [6] = "checkpoint", [7] = "constituent_gone", [8] = "level", [9] = "usable"}
E.EntryKind = {op = 1, tick = 2, genesis = 3, epoch_start = 4, rejoin = 5, checkpoint = 6, constituent_gone = 7, level = 8, usable = 9}
N.LbRole = {[0] = "standby", [1] = "asking", [2] = "preparing", [3] = "starting", [4] = "active"}
E.LbRole = {standby = 0, asking = 1, preparing = 2, starting = 3, active = 4}
N.LicenseMode = {[0] = "no_license", [1] = "user_limit", [2] = "no_user_limit", [3] = "station_share", [4] = "exclusive"}
E.LicenseMode = {no_license = 0, user_limit = 1, no_user_limit = 2, station_share = 3, exclusive = 4}
N.OpKind = {[1] = "checkout", [2] = "renew", [3] = "release", [4] = "consume", [5] = "import_constituent", [6] = "import_notice", [64] = "read_licenses", [65] = "read_containers", [66] = "read_leases", [67] = "read_lease", [68] = "read_usage", [96] = "status"}
E.OpKind = {checkout = 1, renew = 2, release = 3, consume = 4, import_constituent = 5, import_notice = 6, read_licenses = 64, read_containers = 65, read_leases = 66, read_lease = 67, read_usage = 68, status = 96}
N.ServerId = {[0] = "lb1", [1] = "lb2", [2] = "b1", [3] = "b2", [4] = "b3", [255] = "client"}
E.ServerId = {lb1 = 0, lb2 = 1, b1 = 2, b2 = 3, b3 = 4}
N.Slot = {[0] = "one", [1] = "two", [2] = "three"}
E.Slot = {one = 0, two = 1, three = 2}
N.StartForm = {[0] = "plain", [1] = "forced"}
E.StartForm = {plain = 0, forced = 1}
N.StopReason = {[0] = "none", [1] = "disk_full", [2] = "io_error"}
E.StopReason = {none = 0, disk_full = 1, io_error = 2}
K.kDatagramVersion = 1
K.kIssuerKeySize = 32
K.kItemEntry = 1
K.kItemRead = 2
K.kOpenedVersion = 1
K.kSenderClient = 255
K.kTagSize = 16
K.kWhole = 1
S.OpenedMark = {name = "OpenedMark", size = 8,
  {name = "zero", at = 0, size = 1, f = field(ProtoField.uint8("tercet.opened_mark.zero", "zero", base.DEC))},
  {name = "version", at = 1, size = 1, f = field(ProtoField.uint8("tercet.opened_mark.version", "version", base.DEC))},
  {name = "reserved", at = 2, size = 2, f = field(ProtoField.uint16("tercet.opened_mark.reserved", "reserved", base.DEC))},
  {name = "magic", at = 4, size = 4, kind = "bytes", f = field(ProtoField.bytes("tercet.opened_mark.magic", "magic", base.NONE))},
}
S.DatagramHeader = {name = "DatagramHeader", size = 40,
  {name = "version", at = 0, size = 1, f = field(ProtoField.uint8("tercet.datagram.version", "version", base.DEC))},
  {name = "kind", at = 1, size = 1, f = field(ProtoField.uint8("tercet.datagram.kind", "kind", base.DEC, N.DatagramKind))},
  {name = "sender", at = 2, size = 1, f = field(ProtoField.uint8("tercet.datagram.sender", "sender", base.DEC, N.ServerId))},
  {name = "reserved", at = 3, size = 1, f = field(ProtoField.uint8("tercet.datagram.reserved", "reserved", base.DEC))},
  {name = "access_id", at = 4, size = 4, f = field(ProtoField.uint32("tercet.datagram.access_id", "access_id", base.DEC))},
  {name = "cell_id", at = 8, size = 8, f = field(ProtoField.uint64("tercet.datagram.cell_id", "cell_id", base.HEX))},
  {name = "counter", at = 16, size = 8, f = field(ProtoField.uint64("tercet.datagram.counter", "counter", base.DEC))},
  {name = "session", at = 24, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.datagram.session", "session", base.NONE))},
}
S.Hello = {name = "Hello", size = 8,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.hello.type", "type", base.DEC, N.ClientMessage))},
  {name = "version", at = 1, size = 1, f = field(ProtoField.uint8("tercet.hello.version", "version", base.DEC, nil, nil, "kQueryVersion"))},
  {name = "reserved", at = 2, size = 2, f = field(ProtoField.uint16("tercet.hello.reserved", "reserved", base.DEC))},
  {name = "nonce", at = 4, size = 4, f = field(ProtoField.uint32("tercet.hello.nonce", "nonce", base.HEX, nil, nil, "comes back, so that an old answer is not taken for a new one"))},
}
S.HelloAck = {name = "HelloAck", size = 40,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.hello_ack.type", "type", base.DEC, N.ClientMessage))},
  {name = "code", at = 1, size = 1, f = field(ProtoField.uint8("tercet.hello_ack.code", "code", base.DEC, N.Code, nil, "Code: granted; not_active, unavailable: no time known yet"))},
  {name = "queries_max", at = 2, size = 2, f = field(ProtoField.uint16("tercet.hello_ack.queries_max", "queries_max", base.DEC, nil, nil, "per datagram"))},
  {name = "nonce", at = 4, size = 4, f = field(ProtoField.uint32("tercet.hello_ack.nonce", "nonce", base.HEX))},
  {name = "cell_ms", at = 8, size = 8, f = field(ProtoField.uint64("tercet.hello_ack.cell_ms", "cell_ms", base.DEC))},
  {name = "wall_ms", at = 16, size = 8, f = field(ProtoField.uint64("tercet.hello_ack.wall_ms", "wall_ms", base.DEC)), wall = true},
  {name = "lease_min_ms", at = 24, size = 4, f = field(ProtoField.uint32("tercet.hello_ack.lease_min_ms", "lease_min_ms", base.DEC))},
  {name = "lease_max_ms", at = 28, size = 4, f = field(ProtoField.uint32("tercet.hello_ack.lease_max_ms", "lease_max_ms", base.DEC))},
  {name = "replay_window_ms", at = 32, size = 4, f = field(ProtoField.uint32("tercet.hello_ack.replay_window_ms", "replay_window_ms", base.DEC))},
  {name = "reserved", at = 36, size = 4, f = field(ProtoField.uint32("tercet.hello_ack.reserved", "reserved", base.DEC))},
}
S.QueryHeader = {name = "QueryHeader", size = 4,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.query.type", "type", base.DEC, N.ClientMessage))},
  {name = "count", at = 1, size = 1, f = field(ProtoField.uint8("tercet.query.count", "count", base.DEC))},
  {name = "reserved", at = 2, size = 2, f = field(ProtoField.uint16("tercet.query.reserved", "reserved", base.DEC))},
}
S.ReplyHeader = {name = "ReplyHeader", size = 4,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.reply.type", "type", base.DEC, N.ClientMessage))},
  {name = "count", at = 1, size = 1, f = field(ProtoField.uint8("tercet.reply.count", "count", base.DEC))},
  {name = "reserved", at = 2, size = 2, f = field(ProtoField.uint16("tercet.reply.reserved", "reserved", base.DEC))},
}
S.ReplyItem = {name = "ReplyItem", size = 24,
  {name = "kind", at = 0, size = 1, f = field(ProtoField.uint8("tercet.reply_item.kind", "kind", base.DEC, N.OpKind, nil, "OpKind of what was asked"))},
  {name = "code", at = 1, size = 1, f = field(ProtoField.uint8("tercet.reply_item.code", "code", base.DEC, N.Code, nil, "Code; for mutating ones the body's code again"))},
  {name = "length", at = 2, size = 2, f = field(ProtoField.uint16("tercet.reply_item.length", "length", base.DEC, nil, nil, "of the body"))},
  {name = "request", at = 4, size = 4, f = field(ProtoField.uint32("tercet.reply_item.request", "request", base.DEC))},
  {name = "handle", at = 8, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.reply_item.handle", "handle", base.NONE, "as the client sent it"))},
}
S.StatusPage = {name = "StatusPage", size = 12,
  {name = "version", at = 0, size = 4, f = field(ProtoField.uint32("tercet.status_page.version", "version", base.DEC))},
  {name = "total", at = 4, size = 4, f = field(ProtoField.uint32("tercet.status_page.total", "total", base.DEC))},
  {name = "offset", at = 8, size = 4, f = field(ProtoField.uint32("tercet.status_page.offset", "offset", base.DEC))},
}
S.OpHeader = {name = "OpHeader", size = 32,
  {name = "kind", at = 0, size = 1, f = field(ProtoField.uint8("tercet.op.kind", "kind", base.DEC, N.OpKind))},
  {name = "flags", at = 1, size = 1, f = field(ProtoField.uint8("tercet.op.flags", "flags", base.DEC))},
  {name = "length", at = 2, size = 2, f = field(ProtoField.uint16("tercet.op.length", "length", base.DEC))},
  {name = "request", at = 4, size = 4, f = field(ProtoField.uint32("tercet.op.request", "request", base.DEC))},
  {name = "sent_cell_ms", at = 8, size = 8, f = field(ProtoField.uint64("tercet.op.sent_cell_ms", "sent_cell_ms", base.DEC))},
  {name = "handle", at = 16, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.op.handle", "handle", base.NONE))},
}
S.CheckoutBody = {name = "CheckoutBody", size = 32,
  {name = "firm", at = 0, size = 4, f = field(ProtoField.uint32("tercet.checkout_body.firm", "firm", base.DEC))},
  {name = "product", at = 4, size = 4, f = field(ProtoField.uint32("tercet.checkout_body.product", "product", base.DEC))},
  {name = "tmr_id", at = 8, size = 4, f = field(ProtoField.uint32("tercet.checkout_body.tmr_id", "tmr_id", base.DEC, nil, nil, "0: any that matches"))},
  {name = "lease_ms", at = 12, size = 4, f = field(ProtoField.uint32("tercet.checkout_body.lease_ms", "lease_ms", base.DEC, nil, nil, "0: the license's default"))},
  {name = "features", at = 16, size = 8, f = field(ProtoField.uint64("tercet.checkout_body.features", "features", base.HEX, nil, nil, "all of these bits must be licensed; 0 asks for none"))},
  {name = "user_size", at = 24, size = 1, f = field(ProtoField.uint8("tercet.checkout_body.user_size", "user_size", base.DEC, nil, nil, "clean texts (wire/utf8.h) follow in this order, together ≤ kHolderTextMax"))},
  {name = "host_size", at = 25, size = 1, f = field(ProtoField.uint8("tercet.checkout_body.host_size", "host_size", base.DEC))},
  {name = "process_size", at = 26, size = 1, f = field(ProtoField.uint8("tercet.checkout_body.process_size", "process_size", base.DEC))},
  {name = "version_size", at = 27, size = 1, f = field(ProtoField.uint8("tercet.checkout_body.version_size", "version_size", base.DEC))},
  {name = "station_size", at = 28, size = 1, f = field(ProtoField.uint8("tercet.checkout_body.station_size", "station_size", base.DEC))},
  {name = "reserved", at = 29, size = 3, kind = "bytes", f = field(ProtoField.bytes("tercet.checkout_body.reserved", "reserved", base.NONE, "0"))},
}
S.RenewBody = {name = "RenewBody", size = 4,
  {name = "lease_ms", at = 0, size = 4, f = field(ProtoField.uint32("tercet.renew_body.lease_ms", "lease_ms", base.DEC, nil, nil, "0: as at checkout"))},
}
S.ConsumeBody = {name = "ConsumeBody", size = 8,
  {name = "total", at = 0, size = 8, f = field(ProtoField.uint64("tercet.consume_body.total", "total", base.DEC, nil, nil, "the handle's running total: all that it has used so far; less than before, or the same, uses none"))},
}
S.ReadBody = {name = "ReadBody", size = 32,
  {name = "cursor", at = 0, size = 8, f = field(ProtoField.uint64("tercet.read_body.cursor", "cursor", base.DEC))},
  {name = "handle", at = 8, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.read_body.handle", "handle", base.NONE, "read_lease: whose"))},
  {name = "all", at = 24, size = 1, f = field(ProtoField.uint8("tercet.read_body.all", "all", base.DEC, nil, nil, "licenses, containers: 1 = invalid and real ones too"))},
  {name = "reserved", at = 25, size = 7, kind = "bytes", f = field(ProtoField.bytes("tercet.read_body.reserved", "reserved", base.NONE))},
}
S.StatusBody = {name = "StatusBody", size = 8,
  {name = "offset", at = 0, size = 4, f = field(ProtoField.uint32("tercet.status_body.offset", "offset", base.DEC, nil, nil, "the answer is a document of many pages: bytes from here"))},
  {name = "version", at = 4, size = 4, f = field(ProtoField.uint32("tercet.status_body.version", "version", base.DEC, nil, nil, "of the document whose page is asked for; 0: the newest"))},
}
S.OpResult = {name = "OpResult", size = 48,
  {name = "code", at = 0, size = 1, f = field(ProtoField.uint8("tercet.op_result.code", "code", base.DEC, N.Code))},
  {name = "flags", at = 1, size = 1, f = field(ProtoField.uint8("tercet.op_result.flags", "flags", base.HEX)), flags = {field(ProtoField.bool("tercet.op_result.later_answer", "later_answer", 8, nil, 1)), field(ProtoField.bool("tercet.op_result.units_left", "units_left", 8, nil, 2))}},
  {name = "slot", at = 2, size = 1, f = field(ProtoField.uint8("tercet.op_result.slot", "slot", base.DEC, nil, nil, "import: the constituent's slot, 1..3"))},
  {name = "reserved", at = 3, size = 1, f = field(ProtoField.uint8("tercet.op_result.reserved", "reserved", base.DEC))},
  {name = "tmr_id", at = 4, size = 4, f = field(ProtoField.uint32("tercet.op_result.tmr_id", "tmr_id", base.DEC))},
  {name = "lease_ms", at = 8, size = 4, f = field(ProtoField.uint32("tercet.op_result.lease_ms", "lease_ms", base.DEC, nil, nil, "granted: as granted; a release's and a consume's is 0"))},
  {name = "in_use", at = 12, size = 4, f = field(ProtoField.uint32("tercet.op_result.in_use", "in_use", base.DEC, nil, nil, "seats of the license in use after this operation; a denial tells them, too, …"))},
  {name = "quantity", at = 16, size = 4, f = field(ProtoField.uint32("tercet.op_result.quantity", "quantity", base.DEC, nil, nil, "… if a license is what it is about"))},
  {name = "seats_left", at = 20, size = 4, f = field(ProtoField.uint32("tercet.op_result.seats_left", "seats_left", base.DEC, nil, nil, "no-user-limit: 0xFFFFFFFF"))},
  {name = "features", at = 24, size = 8, f = field(ProtoField.uint64("tercet.op_result.features", "features", base.HEX, nil, nil, "granted: the license's; a consume's: units left (kUnitsLeft)"))},
  {name = "lease_end_cell_ms", at = 32, size = 8, f = field(ProtoField.uint64("tercet.op_result.lease_end_cell_ms", "lease_end_cell_ms", base.DEC))},
  {name = "lease_end_wall_ms", at = 40, size = 8, f = field(ProtoField.uint64("tercet.op_result.lease_end_wall_ms", "lease_end_wall_ms", base.DEC, nil, nil, "for people: wall time of the entry + lease")), wall = true},
}
S.PageHeader = {name = "PageHeader", size = 32,
  {name = "kind", at = 0, size = 1, f = field(ProtoField.uint8("tercet.page.kind", "kind", base.DEC, N.OpKind, nil, "OpKind of the read"))},
  {name = "code", at = 1, size = 1, f = field(ProtoField.uint8("tercet.page.code", "code", base.DEC, N.Code, nil, "Code: granted, or unknown_handle for read_lease"))},
  {name = "rows", at = 2, size = 2, f = field(ProtoField.uint16("tercet.page.rows", "rows", base.DEC))},
  {name = "reserved", at = 4, size = 4, f = field(ProtoField.uint32("tercet.page.reserved", "reserved", base.DEC))},
  {name = "next", at = 8, size = 8, f = field(ProtoField.uint64("tercet.page.next", "next", base.DEC, nil, nil, "cursor of the next page, 0 when this is the last"))},
  {name = "cell_ms", at = 16, size = 8, f = field(ProtoField.uint64("tercet.page.cell_ms", "cell_ms", base.DEC, nil, nil, "cell and wall time of the last entry before the place"))},
  {name = "wall_ms", at = 24, size = 8, f = field(ProtoField.uint64("tercet.page.wall_ms", "wall_ms", base.DEC)), wall = true},
}
S.LicenseRow = {name = "LicenseRow", size = 60,
  {name = "length", at = 0, size = 2, f = field(ProtoField.uint16("tercet.license_row.length", "length", base.DEC, nil, nil, "with the name behind it"))},
  {name = "mode", at = 2, size = 1, f = field(ProtoField.uint8("tercet.license_row.mode", "mode", base.DEC, N.LicenseMode, nil, "LicenseMode"))},
  {name = "constituents", at = 3, size = 1, f = field(ProtoField.uint8("tercet.license_row.constituents", "constituents", base.HEX, nil, nil, "bit s: slot s+1's is present"))},
  {name = "firm", at = 4, size = 4, f = field(ProtoField.uint32("tercet.license_row.firm", "firm", base.DEC))},
  {name = "product", at = 8, size = 4, f = field(ProtoField.uint32("tercet.license_row.product", "product", base.DEC))},
  {name = "tmr_id", at = 12, size = 4, f = field(ProtoField.uint32("tercet.license_row.tmr_id", "tmr_id", base.DEC))},
  {name = "quantity", at = 16, size = 4, f = field(ProtoField.uint32("tercet.license_row.quantity", "quantity", base.DEC))},
  {name = "in_use", at = 20, size = 4, f = field(ProtoField.uint32("tercet.license_row.in_use", "in_use", base.DEC))},
  {name = "features", at = 24, size = 8, f = field(ProtoField.uint64("tercet.license_row.features", "features", base.HEX))},
  {name = "valid_from_ms", at = 32, size = 8, f = field(ProtoField.uint64("tercet.license_row.valid_from_ms", "valid_from_ms", base.DEC, nil, nil, "wall; 0: always")), wall = true},
  {name = "valid_until_ms", at = 40, size = 8, f = field(ProtoField.uint64("tercet.license_row.valid_until_ms", "valid_until_ms", base.DEC, nil, nil, "wall; 0: for ever")), wall = true},
  {name = "lease_ms", at = 48, size = 4, f = field(ProtoField.uint32("tercet.license_row.lease_ms", "lease_ms", base.DEC))},
  {name = "revision", at = 52, size = 4, f = field(ProtoField.uint32("tercet.license_row.revision", "revision", base.DEC))},
  {name = "valid", at = 56, size = 1, f = field(ProtoField.uint8("tercet.license_row.valid", "valid", base.DEC, nil, nil, "1: ≥ 2 constituents, within its time, not withdrawn"))},
  {name = "name_size", at = 57, size = 1, f = field(ProtoField.uint8("tercet.license_row.name_size", "name_size", base.DEC))},
  {name = "withdrawn", at = 58, size = 1, f = field(ProtoField.uint8("tercet.license_row.withdrawn", "withdrawn", base.DEC, nil, nil, "1: by its issuer"))},
  {name = "reserved", at = 59, size = 1, f = field(ProtoField.uint8("tercet.license_row.reserved", "reserved", base.DEC))},
}
S.ContainerRow = {name = "ContainerRow", size = 24,
  {name = "length", at = 0, size = 2, f = field(ProtoField.uint16("tercet.container_row.length", "length", base.DEC, nil, nil, "with the serial's text behind it"))},
  {name = "slot", at = 2, size = 1, f = field(ProtoField.uint8("tercet.container_row.slot", "slot", base.DEC, nil, nil, "0: the virtual container, 1..3: real ones"))},
  {name = "serial_size", at = 3, size = 1, f = field(ProtoField.uint8("tercet.container_row.serial_size", "serial_size", base.DEC))},
  {name = "licenses", at = 4, size = 4, f = field(ProtoField.uint32("tercet.container_row.licenses", "licenses", base.DEC, nil, nil, "how many it holds (virtual: valid ones)"))},
  {name = "activation_id", at = 8, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.container_row.activation_id", "activation_id", base.NONE))},
}
S.LeaseRow = {name = "LeaseRow", size = 64,
  {name = "length", at = 0, size = 2, f = field(ProtoField.uint16("tercet.lease_row.length", "length", base.DEC, nil, nil, "with the texts behind it"))},
  {name = "handle_prefix", at = 2, size = 4, kind = "bytes", f = field(ProtoField.bytes("tercet.lease_row.handle_prefix", "handle_prefix", base.NONE, "never the whole handle: it is what its holder proves itself with"))},
  {name = "user_size", at = 6, size = 1, f = field(ProtoField.uint8("tercet.lease_row.user_size", "user_size", base.DEC))},
  {name = "host_size", at = 7, size = 1, f = field(ProtoField.uint8("tercet.lease_row.host_size", "host_size", base.DEC))},
  {name = "process_size", at = 8, size = 1, f = field(ProtoField.uint8("tercet.lease_row.process_size", "process_size", base.DEC))},
  {name = "version_size", at = 9, size = 1, f = field(ProtoField.uint8("tercet.lease_row.version_size", "version_size", base.DEC))},
  {name = "station_size", at = 10, size = 1, f = field(ProtoField.uint8("tercet.lease_row.station_size", "station_size", base.DEC))},
  {name = "reserved", at = 11, size = 1, f = field(ProtoField.uint8("tercet.lease_row.reserved", "reserved", base.DEC))},
  {name = "tmr_id", at = 12, size = 4, f = field(ProtoField.uint32("tercet.lease_row.tmr_id", "tmr_id", base.DEC))},
  {name = "firm", at = 16, size = 4, f = field(ProtoField.uint32("tercet.lease_row.firm", "firm", base.DEC))},
  {name = "product", at = 20, size = 4, f = field(ProtoField.uint32("tercet.lease_row.product", "product", base.DEC))},
  {name = "lease_ms", at = 24, size = 4, f = field(ProtoField.uint32("tercet.lease_row.lease_ms", "lease_ms", base.DEC))},
  {name = "last_request", at = 28, size = 4, f = field(ProtoField.uint32("tercet.lease_row.last_request", "last_request", base.DEC, nil, nil, "read_lease only; 0 in listings"))},
  {name = "since_wall_ms", at = 32, size = 8, f = field(ProtoField.uint64("tercet.lease_row.since_wall_ms", "since_wall_ms", base.DEC)), wall = true},
  {name = "end_wall_ms", at = 40, size = 8, f = field(ProtoField.uint64("tercet.lease_row.end_wall_ms", "end_wall_ms", base.DEC)), wall = true},
  {name = "end_cell_ms", at = 48, size = 8, f = field(ProtoField.uint64("tercet.lease_row.end_cell_ms", "end_cell_ms", base.DEC))},
  {name = "units", at = 56, size = 8, f = field(ProtoField.uint64("tercet.lease_row.units", "units", base.DEC, nil, nil, "read_lease only: that the handle has used; 0 in listings"))},
}
S.UsageRow = {name = "UsageRow", size = 68,
  {name = "length", at = 0, size = 2, f = field(ProtoField.uint16("tercet.usage_row.length", "length", base.DEC, nil, nil, "with the denials and the name behind it"))},
  {name = "mode", at = 2, size = 1, f = field(ProtoField.uint8("tercet.usage_row.mode", "mode", base.DEC, N.LicenseMode, nil, "LicenseMode"))},
  {name = "denied", at = 3, size = 1, f = field(ProtoField.uint8("tercet.usage_row.denied", "denied", base.DEC, nil, nil, "how many DenialCount follow"))},
  {name = "firm", at = 4, size = 4, f = field(ProtoField.uint32("tercet.usage_row.firm", "firm", base.DEC))},
  {name = "product", at = 8, size = 4, f = field(ProtoField.uint32("tercet.usage_row.product", "product", base.DEC))},
  {name = "tmr_id", at = 12, size = 4, f = field(ProtoField.uint32("tercet.usage_row.tmr_id", "tmr_id", base.DEC))},
  {name = "quantity", at = 16, size = 4, f = field(ProtoField.uint32("tercet.usage_row.quantity", "quantity", base.DEC))},
  {name = "in_use", at = 20, size = 4, f = field(ProtoField.uint32("tercet.usage_row.in_use", "in_use", base.DEC, nil, nil, "seats"))},
  {name = "peak", at = 24, size = 4, f = field(ProtoField.uint32("tercet.usage_row.peak", "peak", base.DEC, nil, nil, "most seats in use at once"))},
  {name = "handles", at = 28, size = 4, f = field(ProtoField.uint32("tercet.usage_row.handles", "handles", base.DEC, nil, nil, "that hold them: more than seats where stations share one"))},
  {name = "units", at = 32, size = 8, f = field(ProtoField.uint64("tercet.usage_row.units", "units", base.DEC, nil, nil, "if it has any (metered)"))},
  {name = "units_used", at = 40, size = 8, f = field(ProtoField.uint64("tercet.usage_row.units_used", "units_used", base.DEC))},
  {name = "usage_period_ms", at = 48, size = 8, f = field(ProtoField.uint64("tercet.usage_row.usage_period_ms", "usage_period_ms", base.DEC, nil, nil, "0: it has none"))},
  {name = "usage_from_ms", at = 56, size = 8, f = field(ProtoField.uint64("tercet.usage_row.usage_from_ms", "usage_from_ms", base.DEC, nil, nil, "wall: when that began; 0: not yet")), wall = true},
  {name = "metered", at = 64, size = 1, f = field(ProtoField.uint8("tercet.usage_row.metered", "metered", base.DEC))},
  {name = "name_size", at = 65, size = 1, f = field(ProtoField.uint8("tercet.usage_row.name_size", "name_size", base.DEC))},
  {name = "reserved", at = 66, size = 2, kind = "bytes", f = field(ProtoField.bytes("tercet.usage_row.reserved", "reserved", base.NONE))},
}
S.DenialCount = {name = "DenialCount", size = 12,
  {name = "code", at = 0, size = 1, f = field(ProtoField.uint8("tercet.denial_count.code", "code", base.DEC, N.Code, nil, "Code"))},
  {name = "reserved", at = 1, size = 3, kind = "bytes", f = field(ProtoField.bytes("tercet.denial_count.reserved", "reserved", base.NONE))},
  {name = "count", at = 4, size = 8, f = field(ProtoField.uint64("tercet.denial_count.count", "count", base.DEC))},
}
S.AcceptItem = {name = "AcceptItem", size = 8,
  {name = "item", at = 0, size = 1, f = field(ProtoField.uint8("tercet.accept_item.item", "item", base.DEC, nil, nil, "kItemEntry"))},
  {name = "kind", at = 1, size = 1, f = field(ProtoField.uint8("tercet.accept_item.kind", "kind", base.DEC, N.EntryKind, nil, "EntryKind"))},
  {name = "length", at = 2, size = 2, f = field(ProtoField.uint16("tercet.accept_item.length", "length", base.DEC))},
  {name = "cell_delta_ms", at = 4, size = 4, f = field(ProtoField.int32("tercet.accept_item.cell_delta_ms", "cell_delta_ms", base.DEC, nil, nil, "two's complement"))},
}
S.ReadItem = {name = "ReadItem", size = 16,
  {name = "item", at = 0, size = 1, f = field(ProtoField.uint8("tercet.read_item.item", "item", base.DEC, nil, nil, "kItemRead"))},
  {name = "readers", at = 1, size = 1, f = field(ProtoField.uint8("tercet.read_item.readers", "readers", base.HEX, nil, nil, "bits of slots"))},
  {name = "length", at = 2, size = 2, f = field(ProtoField.uint16("tercet.read_item.length", "length", base.DEC))},
  {name = "slot", at = 4, size = 4, f = field(ProtoField.uint32("tercet.read_item.slot", "slot", base.DEC, nil, nil, "the LB's read table: index"))},
  {name = "generation", at = 8, size = 4, f = field(ProtoField.uint32("tercet.read_item.generation", "generation", base.DEC, nil, nil, "… and its use, so that a late answer is told apart"))},
  {name = "body_from", at = 12, size = 1, f = field(ProtoField.uint8("tercet.read_item.body_from", "body_from", base.DEC, nil, nil, "the slot that sends the whole answer; the others send its hash"))},
  {name = "reserved", at = 13, size = 3, kind = "bytes", f = field(ProtoField.bytes("tercet.read_item.reserved", "reserved", base.NONE))},
}
S.EntryHeader = {name = "EntryHeader", size = 40,
  {name = "kind", at = 0, size = 1, f = field(ProtoField.uint8("tercet.entry.kind", "kind", base.DEC, N.EntryKind))},
  {name = "reserved", at = 1, size = 1, f = field(ProtoField.uint8("tercet.entry.reserved", "reserved", base.DEC))},
  {name = "length", at = 2, size = 2, f = field(ProtoField.uint16("tercet.entry.length", "length", base.DEC, nil, nil, "of the operation behind it"))},
  {name = "reserved2", at = 4, size = 4, f = field(ProtoField.uint32("tercet.entry.reserved2", "reserved2", base.DEC))},
  {name = "seq", at = 8, size = 8, f = field(ProtoField.uint64("tercet.entry.seq", "seq", base.DEC))},
  {name = "epoch", at = 16, size = 8, f = field(ProtoField.uint64("tercet.entry.epoch", "epoch", base.DEC)), epoch = true},
  {name = "cell_ms", at = 24, size = 8, f = field(ProtoField.uint64("tercet.entry.cell_ms", "cell_ms", base.DEC))},
  {name = "wall_ms", at = 32, size = 8, f = field(ProtoField.uint64("tercet.entry.wall_ms", "wall_ms", base.DEC)), wall = true},
}
S.GenesisBody = {name = "GenesisBody", size = 52,
  {name = "cell", at = 0, size = 8, f = field(ProtoField.uint64("tercet.genesis_body.cell", "cell", base.HEX))},
  {name = "incarnation", at = 8, size = 8, count = 3, f = field(ProtoField.uint64("tercet.genesis_body.incarnation", "incarnation", base.HEX))},
  {name = "activation_id", at = 32, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.genesis_body.activation_id", "activation_id", base.NONE))},
  {name = "issuers", at = 48, size = 1, f = field(ProtoField.uint8("tercet.genesis_body.issuers", "issuers", base.DEC, nil, nil, "how many issuers' keys (32 bytes each) follow"))},
  {name = "introduction_size", at = 49, size = 3, kind = "bytes", f = field(ProtoField.bytes("tercet.genesis_body.introduction_size", "introduction_size", base.NONE, "then what each backend said of itself"))},
}
S.EpochStartBody = {name = "EpochStartBody", size = 32,
  {name = "last_seq", at = 0, size = 8, f = field(ProtoField.uint64("tercet.epoch_start_body.last_seq", "last_seq", base.DEC))},
  {name = "last_l_low", at = 8, size = 8, f = field(ProtoField.uint64("tercet.epoch_start_body.last_l_low", "last_l_low", base.HEX))},
  {name = "last_l_high", at = 16, size = 8, f = field(ProtoField.uint64("tercet.epoch_start_body.last_l_high", "last_l_high", base.HEX))},
  {name = "source", at = 24, size = 1, f = field(ProtoField.uint8("tercet.epoch_start_body.source", "source", base.DEC, nil, nil, "slot that has it"))},
  {name = "lb", at = 25, size = 1, f = field(ProtoField.uint8("tercet.epoch_start_body.lb", "lb", base.DEC, N.ServerId, nil, "ServerId of the LB that starts"))},
  {name = "form", at = 26, size = 1, f = field(ProtoField.uint8("tercet.epoch_start_body.form", "form", base.DEC, N.StartForm, nil, "StartForm"))},
  {name = "forced_slot", at = 27, size = 1, f = field(ProtoField.uint8("tercet.epoch_start_body.forced_slot", "forced_slot", base.DEC, nil, nil, "whom the operator's order names; plain: 0"))},
  {name = "reserved", at = 28, size = 4, kind = "bytes", f = field(ProtoField.bytes("tercet.epoch_start_body.reserved", "reserved", base.NONE))},
}
S.ForcedStartBody = {name = "ForcedStartBody", size = 40,
  {name = "start", at = 0, size = 32, count = 1, struct = S.EpochStartBody},
  {name = "incarnation", at = 32, size = 8, f = field(ProtoField.uint64("tercet.forced_start_body.incarnation", "incarnation", base.HEX))},
}
S.RejoinBody = {name = "RejoinBody", size = 24,
  {name = "incarnation", at = 0, size = 8, f = field(ProtoField.uint64("tercet.rejoin_body.incarnation", "incarnation", base.HEX))},
  {name = "replaced", at = 8, size = 8, f = field(ProtoField.uint64("tercet.rejoin_body.replaced", "replaced", base.HEX))},
  {name = "slot", at = 16, size = 1, f = field(ProtoField.uint8("tercet.rejoin_body.slot", "slot", base.DEC))},
  {name = "reserved", at = 17, size = 7, kind = "bytes", f = field(ProtoField.bytes("tercet.rejoin_body.reserved", "reserved", base.NONE))},
}
S.ConstituentGoneBody = {name = "ConstituentGoneBody", size = 8,
  {name = "slot", at = 0, size = 1, f = field(ProtoField.uint8("tercet.constituent_gone_body.slot", "slot", base.DEC))},
  {name = "gone", at = 1, size = 1, f = field(ProtoField.uint8("tercet.constituent_gone_body.gone", "gone", base.DEC, nil, nil, "1; 0: back"))},
  {name = "reserved", at = 2, size = 6, kind = "bytes", f = field(ProtoField.bytes("tercet.constituent_gone_body.reserved", "reserved", base.NONE))},
}
S.CheckpointBody = {name = "CheckpointBody", size = 8,
  {name = "slot", at = 0, size = 1, f = field(ProtoField.uint8("tercet.checkpoint_body.slot", "slot", base.DEC))},
  {name = "reserved", at = 1, size = 7, kind = "bytes", f = field(ProtoField.bytes("tercet.checkpoint_body.reserved", "reserved", base.NONE))},
}
S.UsableBody = {name = "UsableBody", size = 16,
  {name = "checkpoint", at = 0, size = 8, f = field(ProtoField.uint64("tercet.usable_body.checkpoint", "checkpoint", base.DEC, nil, nil, "its seq"))},
  {name = "s", at = 8, size = 8, f = field(ProtoField.uint64("tercet.usable_body.s", "s", base.HEX, nil, nil, "64 bits of S there"))},
}
S.AcceptHeader = {name = "AcceptHeader", size = 88,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.accept.type", "type", base.DEC, N.CellMessage))},
  {name = "flags", at = 1, size = 1, f = field(ProtoField.uint8("tercet.accept.flags", "flags", base.HEX)), flags = {field(ProtoField.bool("tercet.accept.fit", "fit", 8, nil, 1))}},
  {name = "items", at = 2, size = 2, f = field(ProtoField.uint16("tercet.accept.items", "items", base.DEC))},
  {name = "heartbeat_us", at = 4, size = 4, f = field(ProtoField.uint32("tercet.accept.heartbeat_us", "heartbeat_us", base.DEC, nil, nil, "three of these without a word from a fit LB: \"not heard\""))},
  {name = "epoch", at = 8, size = 8, f = field(ProtoField.uint64("tercet.accept.epoch", "epoch", base.DEC)), epoch = true},
  {name = "instance", at = 16, size = 8, f = field(ProtoField.uint64("tercet.accept.instance", "instance", base.HEX))},
  {name = "first", at = 24, size = 8, f = field(ProtoField.uint64("tercet.accept.first", "first", base.DEC, nil, nil, "seq of the first entry in it (also when it carries reads only)"))},
  {name = "prev_l", at = 32, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.accept.prev_l", "prev_l", base.NONE, "L(first − 1)"))},
  {name = "commit", at = 48, size = 8, f = field(ProtoField.uint64("tercet.accept.commit", "commit", base.DEC, nil, nil, "from this LB's own tally; 0 until its EpochStart is decided"))},
  {name = "commit_s", at = 56, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.accept.commit_s", "commit_s", base.NONE, "S(commit), zero when commit is 0"))},
  {name = "cell_ms", at = 72, size = 8, f = field(ProtoField.uint64("tercet.accept.cell_ms", "cell_ms", base.DEC))},
  {name = "wall_ms", at = 80, size = 8, f = field(ProtoField.uint64("tercet.accept.wall_ms", "wall_ms", base.DEC, nil, nil, "of all its entries")), wall = true},
}
S.Keepalive = {name = "Keepalive", size = 88,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.keepalive.type", "type", base.DEC, N.CellMessage))},
  {name = "flags", at = 1, size = 1, f = field(ProtoField.uint8("tercet.keepalive.flags", "flags", base.HEX)), flags = {field(ProtoField.bool("tercet.keepalive.fit", "fit", 8, nil, 1)), field(ProtoField.bool("tercet.keepalive.quiet", "quiet", 8, nil, 2)), field(ProtoField.bool("tercet.keepalive.admits", "admits", 8, nil, 4))}},
  {name = "reserved", at = 2, size = 2, f = field(ProtoField.uint16("tercet.keepalive.reserved", "reserved", base.DEC))},
  {name = "heartbeat_us", at = 4, size = 4, f = field(ProtoField.uint32("tercet.keepalive.heartbeat_us", "heartbeat_us", base.DEC))},
  {name = "epoch", at = 8, size = 8, f = field(ProtoField.uint64("tercet.keepalive.epoch", "epoch", base.DEC)), epoch = true},
  {name = "instance", at = 16, size = 8, f = field(ProtoField.uint64("tercet.keepalive.instance", "instance", base.HEX))},
  {name = "next", at = 24, size = 8, f = field(ProtoField.uint64("tercet.keepalive.next", "next", base.DEC, nil, nil, "seq that the LB will give next: a backend behind it asks for what it misses"))},
  {name = "last_l", at = 32, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.keepalive.last_l", "last_l", base.NONE, "L(next − 1)"))},
  {name = "commit", at = 48, size = 8, f = field(ProtoField.uint64("tercet.keepalive.commit", "commit", base.DEC))},
  {name = "commit_s", at = 56, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.keepalive.commit_s", "commit_s", base.NONE))},
  {name = "stamp", at = 72, size = 8, f = field(ProtoField.uint64("tercet.keepalive.stamp", "stamp", base.DEC, nil, nil, "the LB's clock, comes back in Heard: round trip"))},
  {name = "lost", at = 80, size = 8, f = field(ProtoField.uint64("tercet.keepalive.lost", "lost", base.DEC))},
}
S.VoteHeader = {name = "VoteHeader", size = 64,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.vote.type", "type", base.DEC, N.CellMessage))},
  {name = "flags", at = 1, size = 1, f = field(ProtoField.uint8("tercet.vote.flags", "flags", base.HEX)), flags = {field(ProtoField.bool("tercet.vote.divergent", "divergent", 8, nil, 1)), field(ProtoField.bool("tercet.vote.blank", "blank", 8, nil, 2)), field(ProtoField.bool("tercet.vote.amnesiac", "amnesiac", 8, nil, 4)), field(ProtoField.bool("tercet.vote.member", "member", 8, nil, 8)), field(ProtoField.bool("tercet.vote.catching_up", "catching_up", 8, nil, 16)), field(ProtoField.bool("tercet.vote.leases_live", "leases_live", 8, nil, 32)), field(ProtoField.bool("tercet.vote.more_due", "more_due", 8, nil, 64)), field(ProtoField.bool("tercet.vote.stopped", "stopped", 8, nil, 128))}},
  {name = "count", at = 2, size = 2, f = field(ProtoField.uint16("tercet.vote.count", "count", base.DEC, nil, nil, "results that follow, for first … first + count − 1"))},
  {name = "load", at = 4, size = 2, f = field(ProtoField.uint16("tercet.vote.load", "load", base.DEC, nil, nil, "queries this backend has waiting; for steering reads"))},
  {name = "container", at = 6, size = 1, f = field(ProtoField.uint8("tercet.vote.container", "container", base.DEC, N.ContainerState, nil, "ContainerState"))},
  {name = "absent", at = 7, size = 1, f = field(ProtoField.uint8("tercet.vote.absent", "absent", base.DEC, nil, nil, "slots whose constituents are absent in its book, behind the last of these entries"))},
  {name = "epoch", at = 8, size = 8, f = field(ProtoField.uint64("tercet.vote.epoch", "epoch", base.DEC)), epoch = true},
  {name = "incarnation", at = 16, size = 8, f = field(ProtoField.uint64("tercet.vote.incarnation", "incarnation", base.HEX))},
  {name = "first", at = 24, size = 8, f = field(ProtoField.uint64("tercet.vote.first", "first", base.DEC))},
  {name = "last_l", at = 32, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.vote.last_l", "last_l", base.NONE, "L(first + count − 1)"))},
  {name = "wall_ms", at = 48, size = 8, f = field(ProtoField.uint64("tercet.vote.wall_ms", "wall_ms", base.DEC, nil, nil, "the backend's clock")), wall = true},
  {name = "durable", at = 56, size = 8, f = field(ProtoField.uint64("tercet.vote.durable", "durable", base.DEC, nil, nil, "its last durable seq of this log"))},
}
S.VoteResult = {name = "VoteResult", size = 9,
  {name = "s", at = 0, size = 8, f = field(ProtoField.uint64("tercet.vote_result.s", "s", base.HEX, nil, nil, "low 64 bits of S(n)"))},
  {name = "length", at = 8, size = 1, f = field(ProtoField.uint8("tercet.vote_result.length", "length", base.DEC, nil, nil, "of the result behind it, ≤ kResultMax"))},
}
S.AnswerHeader = {name = "AnswerHeader", size = 72,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.answer.type", "type", base.DEC, N.CellMessage))},
  {name = "flags", at = 1, size = 1, f = field(ProtoField.uint8("tercet.answer.flags", "flags", base.HEX)), flags = {field(ProtoField.bool("tercet.answer.whole", "whole", 8, nil, 1))}},
  {name = "length", at = 2, size = 2, f = field(ProtoField.uint16("tercet.answer.length", "length", base.DEC, nil, nil, "of the whole answer"))},
  {name = "slot", at = 4, size = 4, f = field(ProtoField.uint32("tercet.answer.slot", "slot", base.DEC, nil, nil, "the read's index and generation, as asked"))},
  {name = "generation", at = 8, size = 4, f = field(ProtoField.uint32("tercet.answer.generation", "generation", base.DEC))},
  {name = "load", at = 12, size = 4, f = field(ProtoField.uint32("tercet.answer.load", "load", base.DEC))},
  {name = "epoch", at = 16, size = 8, f = field(ProtoField.uint64("tercet.answer.epoch", "epoch", base.DEC)), epoch = true},
  {name = "incarnation", at = 24, size = 8, f = field(ProtoField.uint64("tercet.answer.incarnation", "incarnation", base.HEX))},
  {name = "place", at = 32, size = 8, f = field(ProtoField.uint64("tercet.answer.place", "place", base.DEC, nil, nil, "the seq at which it was evaluated …"))},
  {name = "place_l", at = 40, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.answer.place_l", "place_l", base.NONE, "… and L there"))},
  {name = "hash", at = 56, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.answer.hash", "hash", base.NONE, "of the answer's bytes"))},
}
S.Ask = {name = "Ask", size = 24,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.ask.type", "type", base.DEC, N.CellMessage))},
  {name = "reserved", at = 1, size = 3, kind = "bytes", f = field(ProtoField.bytes("tercet.ask.reserved", "reserved", base.NONE))},
  {name = "number", at = 4, size = 4, f = field(ProtoField.uint32("tercet.ask.number", "number", base.DEC, nil, nil, "comes back in Heard"))},
  {name = "instance", at = 8, size = 8, f = field(ProtoField.uint64("tercet.ask.instance", "instance", base.HEX))},
  {name = "stamp", at = 16, size = 8, f = field(ProtoField.uint64("tercet.ask.stamp", "stamp", base.DEC, nil, nil, "the LB's clock, comes back"))},
}
S.Heard = {name = "Heard", size = 128,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.heard.type", "type", base.DEC, N.CellMessage))},
  {name = "flags", at = 1, size = 1, f = field(ProtoField.uint8("tercet.heard.flags", "flags", base.HEX)), flags = {field(ProtoField.bool("tercet.heard.divergent", "divergent", 8, nil, 1)), field(ProtoField.bool("tercet.heard.blank", "blank", 8, nil, 2)), field(ProtoField.bool("tercet.heard.amnesiac", "amnesiac", 8, nil, 4)), field(ProtoField.bool("tercet.heard.member", "member", 8, nil, 8)), field(ProtoField.bool("tercet.heard.catching_up", "catching_up", 8, nil, 16)), field(ProtoField.bool("tercet.heard.leases_live", "leases_live", 8, nil, 32)), field(ProtoField.bool("tercet.heard.more_due", "more_due", 8, nil, 64)), field(ProtoField.bool("tercet.heard.stopped", "stopped", 8, nil, 128))}},
  {name = "heard", at = 2, size = 1, f = field(ProtoField.uint8("tercet.heard.heard", "heard", base.DEC, nil, nil, "1: an Accept or Keepalive of that epoch and instance, that said fit, within three heartbeats"))},
  {name = "asked", at = 3, size = 1, f = field(ProtoField.uint8("tercet.heard.asked", "asked", base.DEC, nil, nil, "1: answers an Ask, 0: a Keepalive"))},
  {name = "number", at = 4, size = 4, f = field(ProtoField.uint32("tercet.heard.number", "number", base.DEC))},
  {name = "stamp", at = 8, size = 8, f = field(ProtoField.uint64("tercet.heard.stamp", "stamp", base.DEC))},
  {name = "promised", at = 16, size = 8, f = field(ProtoField.uint64("tercet.heard.promised", "promised", base.DEC, nil, nil, "epoch")), epoch = true},
  {name = "incarnation", at = 24, size = 8, f = field(ProtoField.uint64("tercet.heard.incarnation", "incarnation", base.HEX))},
  {name = "last", at = 32, size = 8, f = field(ProtoField.uint64("tercet.heard.last", "last", base.DEC, nil, nil, "last seq in its log …"))},
  {name = "durable", at = 40, size = 8, f = field(ProtoField.uint64("tercet.heard.durable", "durable", base.DEC, nil, nil, "… and the last durable one"))},
  {name = "durable_l", at = 48, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.heard.durable_l", "durable_l", base.NONE))},
  {name = "commit", at = 64, size = 8, f = field(ProtoField.uint64("tercet.heard.commit", "commit", base.DEC, nil, nil, "decided, and its book stands there or behind …"))},
  {name = "commit_s", at = 72, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.heard.commit_s", "commit_s", base.NONE, "… its own S there"))},
  {name = "progress", at = 88, size = 8, f = field(ProtoField.uint64("tercet.heard.progress", "progress", base.DEC, nil, nil, "while it pulls entries: how many it has pulled since it started"))},
  {name = "wall_ms", at = 96, size = 8, f = field(ProtoField.uint64("tercet.heard.wall_ms", "wall_ms", base.DEC)), wall = true},
  {name = "load", at = 104, size = 4, f = field(ProtoField.uint32("tercet.heard.load", "load", base.DEC))},
  {name = "traits", at = 108, size = 1, f = field(ProtoField.uint8("tercet.heard.traits", "traits", base.HEX)), flags = {field(ProtoField.bool("tercet.heard.asks_rejoin", "asks_rejoin", 8, nil, 1)), field(ProtoField.bool("tercet.heard.vacant", "vacant", 8, nil, 2)), field(ProtoField.bool("tercet.heard.newcomer", "newcomer", 8, nil, 4))}},
  {name = "container", at = 109, size = 1, f = field(ProtoField.uint8("tercet.heard.container", "container", base.DEC, N.ContainerState, nil, "ContainerState"))},
  {name = "absent", at = 110, size = 1, f = field(ProtoField.uint8("tercet.heard.absent", "absent", base.DEC, nil, nil, "slots whose constituents are absent in its book, behind `commit` at least"))},
  {name = "stop", at = 111, size = 1, f = field(ProtoField.uint8("tercet.heard.stop", "stop", base.DEC, N.StopReason, nil, "StopReason, if its flags say kStopped"))},
  {name = "base", at = 112, size = 8, f = field(ProtoField.uint64("tercet.heard.base", "base", base.DEC, nil, nil, "its log begins behind this seq: 0, or its newest checkpoint"))},
  {name = "decided", at = 120, size = 8, f = field(ProtoField.uint64("tercet.heard.decided", "decided", base.DEC, nil, nil, "all of its log up to here is, as it knows, wherever its book stands"))},
}
S.Prepare = {name = "Prepare", size = 24,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.prepare.type", "type", base.DEC, N.CellMessage))},
  {name = "reserved", at = 1, size = 7, kind = "bytes", f = field(ProtoField.bytes("tercet.prepare.reserved", "reserved", base.NONE))},
  {name = "epoch", at = 8, size = 8, f = field(ProtoField.uint64("tercet.prepare.epoch", "epoch", base.DEC)), epoch = true},
  {name = "instance", at = 16, size = 8, f = field(ProtoField.uint64("tercet.prepare.instance", "instance", base.HEX))},
}
S.WireMember = {name = "WireMember", size = 24,
  {name = "incarnation", at = 0, size = 8, f = field(ProtoField.uint64("tercet.wire_member.incarnation", "incarnation", base.HEX, nil, nil, "0: none named yet or, with an epoch and a seq, none any more"))},
  {name = "epoch", at = 8, size = 8, f = field(ProtoField.uint64("tercet.wire_member.epoch", "epoch", base.DEC, nil, nil, "of the entry that named it …")), epoch = true},
  {name = "seq", at = 16, size = 8, f = field(ProtoField.uint64("tercet.wire_member.seq", "seq", base.DEC, nil, nil, "… and its place"))},
}
S.PromiseHeader = {name = "PromiseHeader", size = 168,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.promise.type", "type", base.DEC, N.CellMessage))},
  {name = "flags", at = 1, size = 1, f = field(ProtoField.uint8("tercet.promise.flags", "flags", base.HEX)), flags = {field(ProtoField.bool("tercet.promise.divergent", "divergent", 8, nil, 1)), field(ProtoField.bool("tercet.promise.blank", "blank", 8, nil, 2)), field(ProtoField.bool("tercet.promise.amnesiac", "amnesiac", 8, nil, 4)), field(ProtoField.bool("tercet.promise.member", "member", 8, nil, 8)), field(ProtoField.bool("tercet.promise.catching_up", "catching_up", 8, nil, 16)), field(ProtoField.bool("tercet.promise.leases_live", "leases_live", 8, nil, 32)), field(ProtoField.bool("tercet.promise.more_due", "more_due", 8, nil, 64)), field(ProtoField.bool("tercet.promise.stopped", "stopped", 8, nil, 128))}},
  {name = "admitted", at = 2, size = 1, f = field(ProtoField.uint8("tercet.promise.admitted", "admitted", base.DEC, nil, nil, "1: named by Genesis, or by a Rejoin whose admission is durable"))},
  {name = "introduction", at = 3, size = 1, f = field(ProtoField.uint8("tercet.promise.introduction", "introduction", base.DEC, nil, nil, "bytes that follow (≤ kIntroductionMax), for Genesis"))},
  {name = "reserved", at = 4, size = 4, f = field(ProtoField.uint32("tercet.promise.reserved", "reserved", base.DEC))},
  {name = "epoch", at = 8, size = 8, f = field(ProtoField.uint64("tercet.promise.epoch", "epoch", base.DEC)), epoch = true},
  {name = "instance", at = 16, size = 8, f = field(ProtoField.uint64("tercet.promise.instance", "instance", base.HEX))},
  {name = "incarnation", at = 24, size = 8, f = field(ProtoField.uint64("tercet.promise.incarnation", "incarnation", base.HEX))},
  {name = "last_epoch", at = 32, size = 8, f = field(ProtoField.uint64("tercet.promise.last_epoch", "last_epoch", base.DEC, nil, nil, "epoch of the last entry")), epoch = true},
  {name = "last", at = 40, size = 8, f = field(ProtoField.uint64("tercet.promise.last", "last", base.DEC, nil, nil, "last seq; 0: empty log"))},
  {name = "last_l", at = 48, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.promise.last_l", "last_l", base.NONE))},
  {name = "commit", at = 64, size = 8, f = field(ProtoField.uint64("tercet.promise.commit", "commit", base.DEC))},
  {name = "cell_ms", at = 72, size = 8, f = field(ProtoField.uint64("tercet.promise.cell_ms", "cell_ms", base.DEC, nil, nil, "times of the last entry"))},
  {name = "wall_ms", at = 80, size = 8, f = field(ProtoField.uint64("tercet.promise.wall_ms", "wall_ms", base.DEC)), wall = true},
  {name = "clock_ms", at = 88, size = 8, f = field(ProtoField.uint64("tercet.promise.clock_ms", "clock_ms", base.DEC, nil, nil, "the backend's own wall clock now")), wall = true},
  {name = "members", at = 96, size = 24, count = 3, struct = S.WireMember},
}
S.Refused = {name = "Refused", size = 32,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.refused.type", "type", base.DEC, N.CellMessage))},
  {name = "flags", at = 1, size = 1, f = field(ProtoField.uint8("tercet.refused.flags", "flags", base.HEX)), flags = {field(ProtoField.bool("tercet.refused.divergent", "divergent", 8, nil, 1)), field(ProtoField.bool("tercet.refused.blank", "blank", 8, nil, 2)), field(ProtoField.bool("tercet.refused.amnesiac", "amnesiac", 8, nil, 4)), field(ProtoField.bool("tercet.refused.member", "member", 8, nil, 8)), field(ProtoField.bool("tercet.refused.catching_up", "catching_up", 8, nil, 16)), field(ProtoField.bool("tercet.refused.leases_live", "leases_live", 8, nil, 32)), field(ProtoField.bool("tercet.refused.more_due", "more_due", 8, nil, 64)), field(ProtoField.bool("tercet.refused.stopped", "stopped", 8, nil, 128))}},
  {name = "of", at = 2, size = 1, f = field(ProtoField.uint8("tercet.refused.of", "of", base.DEC, N.CellMessage, nil, "CellMessage that was refused"))},
  {name = "reserved", at = 3, size = 5, kind = "bytes", f = field(ProtoField.bytes("tercet.refused.reserved", "reserved", base.NONE))},
  {name = "epoch", at = 8, size = 8, f = field(ProtoField.uint64("tercet.refused.epoch", "epoch", base.DEC, nil, nil, "of the refused message")), epoch = true},
  {name = "promised", at = 16, size = 8, f = field(ProtoField.uint64("tercet.refused.promised", "promised", base.DEC, nil, nil, "the higher one")), epoch = true},
  {name = "incarnation", at = 24, size = 8, f = field(ProtoField.uint64("tercet.refused.incarnation", "incarnation", base.HEX))},
}
S.Missing = {name = "Missing", size = 40,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.missing.type", "type", base.DEC, N.CellMessage))},
  {name = "datagrams", at = 1, size = 1, f = field(ProtoField.uint8("tercet.missing.datagrams", "datagrams", base.DEC, nil, nil, "at most so many Entries in answer: the receiver sets the pace"))},
  {name = "reserved", at = 2, size = 2, f = field(ProtoField.uint16("tercet.missing.reserved", "reserved", base.DEC))},
  {name = "number", at = 4, size = 4, f = field(ProtoField.uint32("tercet.missing.number", "number", base.DEC, nil, nil, "comes back"))},
  {name = "from", at = 8, size = 8, f = field(ProtoField.uint64("tercet.missing.from", "from", base.DEC))},
  {name = "to", at = 16, size = 8, f = field(ProtoField.uint64("tercet.missing.to", "to", base.DEC, nil, nil, "≥ from"))},
  {name = "to_l", at = 24, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.missing.to_l", "to_l", base.NONE, "L there, as the LB named it"))},
}
S.EntriesHeader = {name = "EntriesHeader", size = 40,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.entries.type", "type", base.DEC, N.CellMessage))},
  {name = "reserved", at = 1, size = 1, f = field(ProtoField.uint8("tercet.entries.reserved", "reserved", base.DEC))},
  {name = "count", at = 2, size = 2, f = field(ProtoField.uint16("tercet.entries.count", "count", base.DEC, nil, nil, "0: \"I do not have them\" …"))},
  {name = "number", at = 4, size = 4, f = field(ProtoField.uint32("tercet.entries.number", "number", base.DEC))},
  {name = "first", at = 8, size = 8, f = field(ProtoField.uint64("tercet.entries.first", "first", base.DEC, nil, nil, "… and, of a backend, if above what was asked for: \"I have an image of first − 1, and my log is the one that was named\""))},
  {name = "prev_l", at = 16, size = 16, kind = "bytes", f = field(ProtoField.bytes("tercet.entries.prev_l", "prev_l", base.NONE, "L(first − 1)"))},
  {name = "commit", at = 32, size = 8, f = field(ProtoField.uint64("tercet.entries.commit", "commit", base.DEC, nil, nil, "of the sender: entries up to there are decided"))},
}
S.Fetch = {name = "Fetch", size = 24,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.fetch.type", "type", base.DEC, N.CellMessage))},
  {name = "datagrams", at = 1, size = 1, f = field(ProtoField.uint8("tercet.fetch.datagrams", "datagrams", base.DEC, nil, nil, "at most so many Chunks in answer: the receiver sets the pace"))},
  {name = "reserved", at = 2, size = 2, f = field(ProtoField.uint16("tercet.fetch.reserved", "reserved", base.DEC))},
  {name = "number", at = 4, size = 4, f = field(ProtoField.uint32("tercet.fetch.number", "number", base.DEC, nil, nil, "comes back"))},
  {name = "checkpoint", at = 8, size = 8, f = field(ProtoField.uint64("tercet.fetch.checkpoint", "checkpoint", base.DEC, nil, nil, "seq"))},
  {name = "offset", at = 16, size = 8, f = field(ProtoField.uint64("tercet.fetch.offset", "offset", base.DEC, nil, nil, "in the image"))},
}
S.ChunkHeader = {name = "ChunkHeader", size = 32,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.chunk.type", "type", base.DEC, N.CellMessage))},
  {name = "reserved", at = 1, size = 1, f = field(ProtoField.uint8("tercet.chunk.reserved", "reserved", base.DEC))},
  {name = "size", at = 2, size = 2, f = field(ProtoField.uint16("tercet.chunk.size", "size", base.DEC, nil, nil, "0: \"I do not have that image\""))},
  {name = "number", at = 4, size = 4, f = field(ProtoField.uint32("tercet.chunk.number", "number", base.DEC))},
  {name = "checkpoint", at = 8, size = 8, f = field(ProtoField.uint64("tercet.chunk.checkpoint", "checkpoint", base.DEC))},
  {name = "offset", at = 16, size = 8, f = field(ProtoField.uint64("tercet.chunk.offset", "offset", base.DEC))},
  {name = "total", at = 24, size = 8, f = field(ProtoField.uint64("tercet.chunk.total", "total", base.DEC, nil, nil, "bytes of the image"))},
}
S.Heartbeat = {name = "Heartbeat", size = 64,
  {name = "type", at = 0, size = 1, f = field(ProtoField.uint8("tercet.heartbeat.type", "type", base.DEC, N.CellMessage))},
  {name = "role", at = 1, size = 1, f = field(ProtoField.uint8("tercet.heartbeat.role", "role", base.DEC, N.LbRole, nil, "LbRole"))},
  {name = "flags", at = 2, size = 1, f = field(ProtoField.uint8("tercet.heartbeat.flags", "flags", base.HEX)), flags = {field(ProtoField.bool("tercet.heartbeat.lost_clients", "lost_clients", 8, nil, 1)), field(ProtoField.bool("tercet.heartbeat.lost_backends", "lost_backends", 8, nil, 2)), field(ProtoField.bool("tercet.heartbeat.resigned", "resigned", 8, nil, 4)), field(ProtoField.bool("tercet.heartbeat.holds_address", "holds_address", 8, nil, 8)), field(ProtoField.bool("tercet.heartbeat.serving", "serving", 8, nil, 16))}},
  {name = "priority", at = 3, size = 1, f = field(ProtoField.uint8("tercet.heartbeat.priority", "priority", base.DEC, nil, nil, "VRRP priority configured, for people"))},
  {name = "interval_us", at = 4, size = 4, f = field(ProtoField.uint32("tercet.heartbeat.interval_us", "interval_us", base.DEC, nil, nil, "how often the sender means to send"))},
  {name = "instance", at = 8, size = 8, f = field(ProtoField.uint64("tercet.heartbeat.instance", "instance", base.HEX))},
  {name = "epoch", at = 16, size = 8, f = field(ProtoField.uint64("tercet.heartbeat.epoch", "epoch", base.DEC, nil, nil, "held or last known")), epoch = true},
  {name = "number", at = 24, size = 8, f = field(ProtoField.uint64("tercet.heartbeat.number", "number", base.DEC, nil, nil, "counts up per instance"))},
  {name = "echo_instance", at = 32, size = 8, f = field(ProtoField.uint64("tercet.heartbeat.echo_instance", "echo_instance", base.HEX, nil, nil, "of the newest heartbeat heard from the receiver …"))},
  {name = "echo_number", at = 40, size = 8, f = field(ProtoField.uint64("tercet.heartbeat.echo_number", "echo_number", base.DEC, nil, nil, "… so that a recorded one proves nothing"))},
  {name = "commit", at = 48, size = 8, f = field(ProtoField.uint64("tercet.heartbeat.commit", "commit", base.DEC))},
  {name = "decided_cell_ms", at = 56, size = 8, f = field(ProtoField.uint64("tercet.heartbeat.decided_cell_ms", "decided_cell_ms", base.DEC))},
}
S.Introduction = {name = "Introduction", size = 32,
  {name = "container_key", at = 0, size = 32, kind = "bytes", f = field(ProtoField.bytes("tercet.introduction.container_key", "container_key", base.NONE))},
}
M.ClientMessage = {
  [1] = {head = S.Hello},
  [2] = {head = S.HelloAck},
  [3] = {head = S.QueryHeader, walk = "operations"},
  [4] = {head = S.ReplyHeader, walk = "answers"},
}
M.CellMessage = {
  [1] = {head = S.AcceptHeader, walk = "accept_items"},
  [2] = {head = S.VoteHeader, walk = "vote_results"},
  [3] = {head = S.AnswerHeader, walk = "answer_body"},
  [4] = {head = S.Prepare},
  [5] = {head = S.PromiseHeader, walk = "introduction"},
  [6] = {head = S.Refused},
  [7] = {head = S.Ask},
  [8] = {head = S.Heard},
  [9] = {head = S.Keepalive},
  [10] = {head = S.Missing},
  [11] = {head = S.EntriesHeader, walk = "entries"},
  [12] = {head = S.Heartbeat},
  [14] = {head = S.ChunkHeader, walk = "piece"},
  [15] = {head = S.Fetch},
}
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
