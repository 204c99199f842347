

a.protop"
1Mbproto3