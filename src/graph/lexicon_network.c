/*-------------------------------------------------------------------------
 *
 * lexicon_network.c
 *		What networks and files have.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "graph/lexicon.h"

LEXICON(short_mail_domains, "example.com", "example.org", "example.net");

LEXICON(mail_domains, "example.com", "example.org", "example.net", "mail.example", "post.example",
		"inbox.example", "letters.example", "company.example");

LEXICON(mime_types, "application/json", "application/pdf", "application/xml", "application/zip",
		"application/gzip", "application/octet-stream", "application/sql", "application/rtf",
		"application/msword", "application/vnd.ms-excel", "application/epub+zip", "audio/aac",
		"audio/flac", "audio/mpeg", "audio/ogg", "audio/wav", "font/otf", "font/ttf", "font/woff2",
		"image/avif", "image/bmp", "image/gif", "image/jpeg", "image/png", "image/svg+xml",
		"image/tiff", "image/webp", "text/calendar", "text/css", "text/csv", "text/html",
		"text/javascript", "text/markdown", "text/plain", "text/xml", "video/mp4", "video/mpeg",
		"video/ogg", "video/quicktime", "video/webm");

LEXICON(file_endings, "pdf", "docx", "xlsx", "pptx", "csv", "txt", "md", "json", "xml", "zip",
		"png", "jpg", "svg", "mp4", "mp3", "html");

LEXICON(
	user_agents,
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%#118-139;.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%#118-139;.0.0.0 Safari/537.36",
	"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%#118-139;.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Linux; Android %#11-15;; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%#118-139;.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:%#115-141;.0) Gecko/20100101 Firefox/%&.0",
	"Mozilla/5.0 (X11; Linux x86_64; rv:%#115-141;.0) Gecko/20100101 Firefox/%&.0",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/%#16-18;.%#0-6; Safari/605.1.15",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_%#0-6; like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.%& Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (iPad; CPU OS 18_%#0-6; like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.%& Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%#118-139;.0.0.0 Safari/537.36 Edg/%&.0.0.0");

LEXICON(area_codes, "201", "202", "203", "205", "206", "207", "208", "209", "210", "212", "213",
		"214", "215", "216", "217", "218", "219", "224", "225", "228", "229", "231", "234", "239",
		"240", "248", "251", "252", "253", "254", "256", "260", "262", "267", "269", "270", "276",
		"281", "301", "302", "303", "304", "305", "307", "308", "309", "310", "312", "313", "314",
		"315", "316", "317", "318", "319", "320", "321", "323", "325", "330", "334", "336", "337",
		"339", "347", "351", "352", "360", "361", "386", "401", "402", "404", "405", "406", "407",
		"408", "409", "410", "412", "413", "414", "415", "417", "419", "423", "424", "425", "430",
		"432", "434", "435", "440", "443", "458", "469", "470", "475", "478", "479", "480", "484",
		"501", "502", "503", "504", "505", "507", "508", "509", "510", "512", "513", "515", "516",
		"517", "518", "520", "530", "540", "541", "551", "559", "561", "562", "563", "567", "570",
		"571", "573", "574", "575", "580", "585", "586", "601", "602", "603", "605", "606", "607",
		"608", "609", "610", "612", "614", "615", "616", "617", "618", "619", "620", "623", "626",
		"630", "631", "636", "641", "646", "650", "651", "660", "661", "662", "678", "682", "701",
		"702", "703", "704", "706", "707", "708", "712", "713", "714", "715", "716", "717", "718",
		"719", "720", "724", "727", "731", "732", "734", "740", "754", "757", "760", "763", "765",
		"770", "772", "773", "774", "775", "781", "785", "786", "801", "802", "803", "804", "805",
		"806", "808", "810", "812", "813", "814", "815", "816", "817", "818", "828", "830", "831",
		"832", "843", "845", "847", "848", "850", "856", "857", "858", "859", "860", "862", "863",
		"864", "865", "870", "901", "903", "904", "906", "907", "908", "909", "910", "912", "913",
		"914", "915", "916", "917", "918", "919", "920", "925", "928", "931", "936", "937", "940",
		"941", "949", "951", "952", "954", "956", "970", "971", "972", "973", "978", "979", "980",
		"985", "989");
