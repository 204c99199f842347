
ê
a.protop"
M2Ù
SÓ
R.p.M.p.M"‹Ç”‰ì’Z“/xZÀ/xZƒ/xZΩ/xZ∂/xZØ/xZ®/xZ°/xZö/xZì/xZå/xZÖ/xZ˛/xZ˜/xZ/xZÈ/xZ‚/xZ€/xZ‘/xZÕ/xZ∆/xZø/xZ∏/xZ±/xZ™/xZ£/xZú/xZï/xZé/xZá/xZÄ/xZ˘/xZÚ/xZÎ/xZ‰/xZ›/xZ÷/xZœ/xZ»/xZ¡/xZ∫/xZ≥/xZ¨/xZ•/xZû/xZó/xZê/xZâ/xZÇ/xZ|/xZv/xZp/xZj/xZd/xZ^/xZX/xZR/xZL/xZF/xZ@/xZ:/xZ4/xZ./xZ(/xZ"/xZ/xZ/xZ/xZ
/xZ/xbproto3