
$
a.protop"
M	
f (bpro