
j
google/protobuf/struct.protogoogle.protobuf"1
Struct'
fields (2.google.protobuf.Structbproto3