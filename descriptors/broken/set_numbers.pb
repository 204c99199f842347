
d
a.protop"
M"	
Set::
in_m.p.Mþÿÿÿ (2.p.M: 
in_set.p.Setþÿÿÿ (2.p.Mbproto2