/*-------------------------------------------------------------------------
 *
 * lexicon_codes.c
 *		Streets, time zones, languages and currencies.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "graph/lexicon.h"

LEXICON(street_names, "Acacia", "Adams", "Arlington", "Ash", "Bay", "Beach", "Beech", "Birch",
		"Bridge", "Broad", "Cambridge", "Canal", "Carlton", "Castle", "Cedar", "Center", "Charles",
		"Cherry", "Chestnut", "Church", "Clark", "Cliff", "College", "Court", "Cypress", "Dogwood",
		"Elm", "Fairview", "Fir", "Forest", "Franklin", "Garden", "George", "Grand", "Green",
		"Grove", "Hamilton", "Harbor", "Hawthorne", "Hickory", "High", "Highland", "Hill",
		"Hillside", "Jackson", "Jefferson", "King", "Lake", "Lakeview", "Laurel", "Lee", "Liberty",
		"Lincoln", "Linden", "Locust", "Madison", "Magnolia", "Main", "Maple", "Market", "Meadow",
		"Mill", "Monroe", "Mulberry", "Myrtle", "North", "Oak", "Orchard", "Oxford", "Park",
		"Pearl", "Pine", "Pleasant", "Poplar", "Prospect", "Queen", "Railroad", "Ridge", "River",
		"Rose", "School", "Sherman", "Smith", "South", "Spring", "Spruce", "State", "Summit",
		"Sunset", "Sycamore", "Union", "Valley", "Victoria", "View", "Vine", "Walnut", "Washington",
		"Water", "West", "Williams", "Willow", "Winter", "Wood", "York");

LEXICON(street_kinds, "Street", "Avenue", "Road", "Lane", "Drive", "Boulevard", "Way", "Court",
		"Place", "Terrace");

LEXICON(time_zones, "Africa/Accra", "Africa/Cairo", "Africa/Casablanca", "Africa/Johannesburg",
		"Africa/Lagos", "Africa/Nairobi", "America/Anchorage", "America/Argentina/Buenos_Aires",
		"America/Bogota", "America/Chicago", "America/Denver", "America/Halifax", "America/Lima",
		"America/Los_Angeles", "America/Mexico_City", "America/Montevideo", "America/New_York",
		"America/Phoenix", "America/Santiago", "America/Sao_Paulo", "America/Toronto",
		"America/Vancouver", "Asia/Bangkok", "Asia/Colombo", "Asia/Dhaka", "Asia/Dubai",
		"Asia/Hong_Kong", "Asia/Jakarta", "Asia/Jerusalem", "Asia/Karachi", "Asia/Kolkata",
		"Asia/Kuala_Lumpur", "Asia/Manila", "Asia/Riyadh", "Asia/Seoul", "Asia/Shanghai",
		"Asia/Singapore", "Asia/Taipei", "Asia/Tashkent", "Asia/Tokyo", "Atlantic/Reykjavik",
		"Australia/Adelaide", "Australia/Brisbane", "Australia/Melbourne", "Australia/Perth",
		"Australia/Sydney", "Europe/Amsterdam", "Europe/Athens", "Europe/Berlin", "Europe/Brussels",
		"Europe/Bucharest", "Europe/Budapest", "Europe/Copenhagen", "Europe/Dublin",
		"Europe/Helsinki", "Europe/Istanbul", "Europe/Lisbon", "Europe/London", "Europe/Madrid",
		"Europe/Oslo", "Europe/Paris", "Europe/Prague", "Europe/Rome", "Europe/Sofia",
		"Europe/Stockholm", "Europe/Vienna", "Europe/Warsaw", "Europe/Zurich", "Pacific/Auckland",
		"Pacific/Honolulu", "UTC");

LEXICON(locales, "ar_EG", "ar_SA", "bg_BG", "bn_BD", "cs_CZ", "da_DK", "de_AT", "de_CH", "de_DE",
		"el_GR", "en_AU", "en_CA", "en_GB", "en_IE", "en_IN", "en_NZ", "en_US", "en_ZA", "es_AR",
		"es_CL", "es_CO", "es_ES", "es_MX", "et_EE", "fi_FI", "fr_BE", "fr_CA", "fr_CH", "fr_FR",
		"he_IL", "hi_IN", "hr_HR", "hu_HU", "id_ID", "it_CH", "it_IT", "ja_JP", "ko_KR", "lt_LT",
		"lv_LV", "ms_MY", "nb_NO", "nl_BE", "nl_NL", "pl_PL", "pt_BR", "pt_PT", "ro_RO", "ru_RU",
		"sk_SK", "sl_SI", "sr_RS", "sv_SE", "sw_KE", "th_TH", "tr_TR", "uk_UA", "ur_PK", "vi_VN",
		"zh_CN", "zh_HK", "zh_TW");

LEXICON(language_codes, "ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa",
		"fi", "fr", "ga", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "kk", "ko",
		"lt", "lv", "mk", "mn", "ms", "mt", "nb", "ne", "nl", "pl", "pt", "ro", "ru", "sk", "sl",
		"sq", "sr", "sv", "sw", "ta", "te", "th", "tr", "uk", "ur", "uz", "vi", "zh");

LEXICON(currency_codes, "AED", "ARS", "AUD", "BDT", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP",
		"CZK", "DKK", "EGP", "EUR", "GBP", "GHS", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JPY",
		"KES", "KRW", "KZT", "LKR", "MAD", "MXN", "MYR", "NGN", "NOK", "NZD", "PEN", "PHP", "PKR",
		"PLN", "RON", "RSD", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "UYU", "VND",
		"ZAR");
