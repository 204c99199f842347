

a.protob.proto

b.protoc.proto

c.protoa.proto