
>
a.protop"(
M
a (2
.p.Missing
b (2Mbproto3