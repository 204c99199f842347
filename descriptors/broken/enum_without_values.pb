

a.protop"
M*
Ebproto3