
ê
a.protop"
M2Ù
SRÓ
R.p.M.p.M"‹Ç”‰ì’Z“/xZÀ/xZƒ/xZΩ/xZ∂/xZØ/xZ®/xZ°/xZö/xZì/xZå/xZÖ/xZ˛/xZ˜/xZ/xZÈ/xZ‚/xZ€/xZ‘/xZÕ/xZ∆/xZø/xZ∏/xZ±/xZ™/xZ£/xZú/xZ
R.p.M.p.M"‹Ç”‰ì’Z“/xZÀ/xZƒ/xxZ‰/xZ›/xZ÷/xZœ/xZ»/xZ¡/xZ∫/xZ≥/xZ¨/xZ•/xZû/xZó/xZê/xZE/xZÇ/xZ|/xZv/xZp/xZj/xZd/xZ^/xZX/xZR/xZL/xZF/xZ@ixZ:/xZ4/xZ./xZ(/xZ"/xZ/xZ/xZ/xZ
/xZ/xbproto3