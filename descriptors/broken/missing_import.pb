
_
users.protopcommon/types.protogoogle/protobuf/any.protocommon/more.proto"
Mbproto3