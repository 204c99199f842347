
^
a.protop"H
M
	some_name (
	some_name (

other_name (R	some_namebproto3