
"
a.protopa.proto"
Mbproto3