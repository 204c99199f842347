
)
a.protop"
M
f (Ra
bbproto3