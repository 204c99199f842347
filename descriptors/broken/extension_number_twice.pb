
5
a.protop"
M	
ad (:
x.p.Md (bproto3