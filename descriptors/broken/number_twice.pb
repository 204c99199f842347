
G
a.protop"1
M	
a (

b¬ (	
c (

d¬ (bproto3