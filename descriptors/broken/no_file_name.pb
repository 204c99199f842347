
p"
Mbproto3