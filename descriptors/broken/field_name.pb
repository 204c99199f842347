
&
a.protop"
M
a-b (bproto3