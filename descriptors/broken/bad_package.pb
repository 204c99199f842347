

a.protop..q"
Mbproto3