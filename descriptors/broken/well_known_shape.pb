
P
google/protobuf/timestamp.protogoogle.protobuf"
	Timestamp
seconds (	