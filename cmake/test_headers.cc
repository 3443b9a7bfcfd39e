// Nothing: its target is there for the headers that it compiles beforehand (tercet.cmake).
