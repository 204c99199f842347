
a.protop"
Mbproto3