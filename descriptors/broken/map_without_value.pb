
L
a.protop"6
M
f (2.p.M.FEntry
FEntry
key (	:8bproto3