
[
a.protop"E
M
f (2.p.M.FEntry(
FEntry
key (
value (:8bproto3