
*
a.protop"
M
f (Raí bbproto3