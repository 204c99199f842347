

a.protop"
Mbproto4