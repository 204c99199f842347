
t
a.protop"
M
own (::
scalar.p.Md (:
list.p.Mh (2.p.M:
good.p.Mf (2.p.Mbproto2