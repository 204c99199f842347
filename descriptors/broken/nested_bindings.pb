
G
a.protop"
M2,
S'
R.p.M.p.M"Ç”‰ì/aZ
/bZ/cbproto3