
@
a.protop"
M2%
S
R.p.M.p.M
R.p.M.p.Mbproto3