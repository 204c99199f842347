
*
a.protop"
M:
x.p.Md (bproto3