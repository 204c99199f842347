

a.protop"
Mbeditionspê