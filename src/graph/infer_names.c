/*-------------------------------------------------------------------------
 *
 * infer_names.c
 *		What people call columns, and what they then put into them.
 *
 * The first rule that fits counts, so narrow ones stand before wide ones.  A name fits
 * as it is, without the name of its table before it, or without a number after it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/lsyscache.h"

#include "core/compat.h"
#include "graph/inflect.h"
#include "graph/infer_names.h"

#define KIND(name) (1U << VALUE_##name)

#define TEXT KIND(TEXT)
#define INT KIND(INTEGER)
#define DECIMAL (KIND(NUMERIC) | KIND(FLOAT))
#define NUMBER (INT | DECIMAL)
#define FLAG KIND(BOOLEAN)
#define DAY KIND(DATE)
#define MOMENT (KIND(DATE) | KIND(TIMESTAMP))
#define NETWORK KIND(NETWORK)
#define BYTES KIND(BYTEA)
#define SPAN KIND(INTERVAL)

#define PEOPLE                                                                                    \
	"user person member employee customer contact author profile client patient student teacher " \
	"staff driver player artist actor guest owner manager instructor candidate applicant lead "   \
	"attendee participant subscriber passenger doctor agent creator admin follower speaker "      \
	"recipient sender voter donor volunteer resident tenant_user account_user reviewer"
#define COMPANIES                                                                                   \
	"company organization organisation org vendor supplier manufacturer employer agency publisher " \
	"shipper store shop merchant business customer_company partner sponsor carrier distributor "    \
	"tenant account workspace institution hospital school university bank studio"
#define THINGS                                                                   \
	"article_item project plan package service asset device machine bundle sku " \
	"resource widget template campaign collection playlist board channel room space file_set"
#define SUBJECTS "category genre topic subject tag label keyword industry interest hobby skill"

static const NameRule rules[] = {
	/* what other columns would take for something else */
	{"lock_version", NULL, NULL, 0, INT, "constant", "{\"value\": 0}", 0, DEFAULT_COUNTER, 0},
	{"ip ip_address *_ip *_ip_address ip_addr *_ip_addr remote_addr remote_address client_addr",
	 NULL, NULL, 0, TEXT | NETWORK, "ip", NULL, 0, 0, 0.2},
	{"mac mac_address *_mac *_mac_address hwaddr", NULL, NULL, 0, TEXT | NETWORK, "mac", NULL, 0, 0,
	 0.2},
	{"user_agent *_user_agent useragent", NULL, NULL, 0, TEXT, "user_agent", NULL, 0, 0, 0.2},
	{"email *reply_to email_address e_mail mail *_email *_email_address *_e_mail emailaddress email_lower",
	 NULL, NULL, 0, TEXT, "email", NULL, FOLLOWS_PERSON, 0, 0},
	{"*password* passwd pwd *_passwd crypted_pw", NULL, NULL, 0, TEXT, "password_hash", NULL, 0, 0,
	 0.05},
	{"*password* *digest* *hash*", NULL, NULL, 0, BYTES, "bytea", "{\"length\": 32}", 0, 0, 0.1},

	/* people */
	{"first_name firstname given_name given_names forename fname *_first_name first", NULL, NULL, 0,
	 TEXT, "first_name", NULL, 0, 0, 0},
	{"middle_name middle_names middlename middle_initial", NULL, NULL, 0, TEXT, "first_name", NULL,
	 0, 0, 0.6},
	{"last_name lastname surname family_name lname *_last_name last second_name", NULL, NULL, 0,
	 TEXT, "last_name", NULL, 0, 0, 0},
	{"maiden_name", NULL, NULL, 0, TEXT, "last_name", NULL, 0, 0, 0.7},
	{"user_name username login login_name nick nickname handle screen_name *_username *_login "
	 "*_nickname uname",
	 NULL, NULL, 0, TEXT, "user_name", NULL, FOLLOWS_PERSON, 0, 0},
	{"full_name fullname real_name realname legal_name person_name contact_name author_name "
	 "from_name sender_name recipient_name owner_name ship_name shipping_name billing_name cardholder_name "
	 "*_full_name attn signer_name committer_name",
	 NULL, NULL, 0, TEXT, "full_name", NULL, FOLLOWS_PARTS, 0, 0},
	{"name display_name", PEOPLE, NULL, 0, TEXT, "full_name", NULL, FOLLOWS_PARTS, 0, 0},
	{"author creator editor contact owner manager photographer artist signed_by reviewer composer",
	 NULL, NULL, 0, TEXT, "full_name", NULL, 0, 0, 0.1},
	{"initials", NULL, NULL, 0, TEXT, "code",
	 "{\"length\": 2, \"alphabet\": \"ABCDEFGHJKLMNPRSTW\"}", 0, 0, 0.1},
	{"phone* *_phone *_phone_number mobile* *_mobile fax* *_fax cell_phone tel telephone* *_telephone",
	 NULL, NULL, 0, TEXT, "phone", NULL, 0, 0, 0.3},
	{"gender sex", NULL, NULL, 0, TEXT, "list", "{\"values\": [\"female\", \"male\", \"other\"]}",
	 0, 0, 0.2},
	{"job_title job position occupation profession *_job_title contact_title", NULL, NULL, 0, TEXT,
	 "job_title", NULL, 0, 0, 0.2},
	{"title", "employee staff contact job vacancy", NULL, 0, TEXT, "job_title", NULL, 0, 0, 0},
	{"title_of_courtesy salutation honorific name_prefix", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"Ms.\", \"Mr.\", \"Dr.\"]}", 0, 0, 0.4},
	{"birth_date birthdate birthday dob date_of_birth born_on born_at *_birth_date *_birthday",
	 NULL, NULL, 0, MOMENT, "birth_date", NULL, 0, 0, 0.3},
	{"death_date died_on date_of_death", NULL, NULL, 0, MOMENT, "moment", NULL, 0, 0, 0.95},
	{"hire_date hired_on hired_at start_date join_date", "employee staff", NULL, 0, MOMENT,
	 "moment", NULL, 0, 0, 0},
	{"age", NULL, NULL, 0, NUMBER, "age", NULL, 0, 0, 0.2},
	{"bio biography about about_me", NULL, NULL, 0, TEXT, "sentence", NULL, 0, 0, 0.4},

	/* companies and places */
	{"company company_name organization organisation organization_name employer *_company_name *_company "
	 "business_name vendor manufacturer supplier publisher merchant",
	 NULL, NULL, 0, TEXT, "company", NULL, 0, 0, 0.2},
	{"name legal_name display_name", COMPANIES, NULL, 0, TEXT, "company", NULL, 0, 0, 0},
	{"department department_name dept", NULL, NULL, 0, TEXT, "department", NULL, 0, 0, 0.2},
	{"name", "department division team squad group unit", NULL, 0, TEXT, "department", NULL, 0, 0,
	 0},
	{"address2 address_line2 address_line_2 line2 line_2 *_address2 *_line2 *_line_2 street2 suite "
	 "apartment unit_number",
	 NULL, NULL, 0, TEXT, "pattern", "{\"regex\": \"Apt\\\\. [1-9][0-9]\"}", 0, 0, 0.7},
	{"address street street_address address_line street_name line address_street *_street "
	 "*_address_line* *_street_address postal_address mailing_address shipping_address "
	 "billing_address home_address ship_address",
	 NULL, NULL, 0, TEXT, "street", NULL, 0, 0, 0.2},
	{"city town municipality locality *_city village city_name birthplace birth_place", NULL, NULL,
	 0, TEXT, "city", NULL, FOLLOWS_PLACE, 0, 0.1},
	{"name", "city town municipality location place venue", NULL, 0, TEXT, "city", NULL, 0, 0, 0},
	{"state region province", NULL,
	 "city town zip* *postal* postcode address* street* *_city country country_code", 0, TEXT,
	 "state", NULL, FOLLOWS_PLACE, 0, 0.2},
	{"province *_province *_region *_state_province county district state_province state_or_province",
	 NULL, NULL, 0, TEXT, "state", NULL, FOLLOWS_PLACE, 0, 0.2},
	{"*_state", NULL, "*_city *_zip* *_postal*", 0, TEXT, "state", NULL, FOLLOWS_PLACE, 0, 0.2},
	{"name", "state region province county", NULL, 0, TEXT, "state", NULL, 0, 0, 0},
	{"zip zip_code zipcode postal postal_code postalcode postcode *_zip *_zip_code *_zipcode *_postal_code "
	 "*_postcode plz",
	 NULL, NULL, 0, TEXT, "postal_code", NULL, FOLLOWS_PLACE, 0, 0.1},
	{"country_code country_iso iso_country *_country_code iso_code iso2 iso3 alpha2 alpha_2 cca2",
	 NULL, NULL, 3, TEXT, "country_code", NULL, FOLLOWS_PLACE, 0, 0.1},
	{"country_code country_iso iso_country *_country_code alpha2 alpha_2 cca2", NULL, NULL, 0, TEXT,
	 "country_code", NULL, FOLLOWS_PLACE, 0, 0.1},
	{"country *_country nation nationality", NULL, NULL, 3, TEXT, "country_code", NULL,
	 FOLLOWS_PLACE, 0, 0.1},
	{"country *_country country_name nation nationality", NULL, NULL, 0, TEXT, "country", NULL, 0,
	 0, 0.1},
	{"name", "country nation", NULL, 0, TEXT, "country", NULL, 0, 0, 0},
	{"code iso", "country nation", NULL, 0, TEXT, "country_code", NULL, 0, 0, 0},
	{"code iso", "currency", NULL, 0, TEXT, "currency_code", NULL, 0, 0, 0},
	{"code iso", "language locale", NULL, 0, TEXT, "language_code", NULL, 0, 0, 0},
	{"latitude lat *_lat *_latitude", NULL, NULL, 0, NUMBER, "latitude", NULL, 0, 0, 0.2},
	{"longitude lng lon long *_lng *_lon *_longitude", NULL, NULL, 0, NUMBER, "longitude", NULL, 0,
	 0, 0.2},
	{"locale *_locale locale_code", NULL, NULL, 0, TEXT, "locale", NULL, 0, 0, 0.1},
	{"language* lang *_language *_lang *_language_code", NULL, NULL, 0, TEXT, "language_code", NULL,
	 0, 0, 0.1},
	{"time_zone timezone tz tz_name *_timezone *_time_zone tzid", NULL, NULL, 0, TEXT, "time_zone",
	 NULL, 0, 0, 0.1},
	{"currency currency_code currency_iso *_currency *_currency_code", NULL, NULL, 0, TEXT,
	 "currency_code", NULL, 0, 0, 0},

	/* the web */
	{"*avatar* *logo* *photo* *picture* *thumbnail* *image icon icon_url *_icon *_image_url image_url "
	 "cover_url banner_url",
	 NULL, NULL, 0, TEXT, "url", NULL, 0, 0, 0.4},
	{"url link href website web_site homepage home_page site blog uri referer referrer callback *_url "
	 "*_uri repository documentation *_link *_website *_href url_* homepage_url web webhook endpoint",
	 NULL, NULL, 0, TEXT, "url", NULL, 0, 0, 0.3},
	{"domain domain_name *_domain fqdn subdomain", NULL, NULL, 0, TEXT, "domain", NULL, 0, 0, 0.1},
	{"host hostname host_name *_host *_hostname server server_name node node_name", NULL, NULL, 0,
	 TEXT, "host_name", NULL, 0, 0, 0.1},
	{"mime_type content_type media_type mimetype *_mime_type *_content_type", NULL, NULL, 0, TEXT,
	 "mime_type", NULL, 0, 0, 0.1},
	{"file_name filename *_file_name *_filename original_name attachment file", NULL, NULL, 0, TEXT,
	 "file_name", NULL, 0, 0, 0.1},
	{"path *_path filepath folder directory location_path dir", NULL, NULL, 0, TEXT, "path", NULL,
	 0, 0, 0.1},
	{"extension ext", NULL, "*phone*", 0, TEXT, "pattern", "{\"regex\": \"[1-9][0-9]{2}\"}", 0, 0,
	 0.5},
	{"extension file_extension file_type ext", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"pdf\", \"png\", \"jpg\", \"csv\", \"txt\"]}", 0, 0, 0.1},
	{"md5* *_md5", NULL, NULL, 0, TEXT, "hex", "{\"length\": 32}", 0, 0, 0.1},
	{"sha sha1 commit commit_id commit_sha *_sha *_sha1 revision rev git_commit *_commit", NULL,
	 NULL, 0, TEXT, "hex", "{\"length\": 40}", 0, 0, 0.1},
	{"*hash sha* *_sha256 *checksum *digest *fingerprint etag *_etag signature", NULL, NULL, 0,
	 TEXT, "hex", "{\"length\": 64}", 0, 0, 0.1},
	{"encrypted_* *_encrypted *_ciphertext *_iv", NULL, NULL, 0, TEXT, "hex", "{\"length\": 32}", 0,
	 0, 0.2},
	{"branch *_branch", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"main\", \"develop\", \"feature/search\", \"fix/login\"], \"weights\": [5, 2, 1, 1]}",
	 0, 0, 0.1},
	{"*token *secret *_key api_key nonce salt *_salt session_id session_key session jti otp* verifier "
	 "*_challenge *_credential invitation_code *_cookie",
	 NULL, NULL, 0, TEXT, "token", NULL, 0, 0, 0.3},
	{"version *_version app_version semver", NULL, NULL, 0, TEXT, "version", NULL, 0, 0, 0.1},
	{"color colour *_color *_colour *_hex", NULL, NULL, 0, TEXT, "color", NULL, 0, 0, 0.1},

	/* words that a list has */
	{"role *_role", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"member\", \"admin\", \"guest\"], \"weights\": [8, 1, 1]}", 0, DEFAULT_STATE,
	 0},
	{"name", "role", NULL, 0, TEXT, "list",
	 "{\"values\": [\"owner\", \"admin\", \"editor\", \"member\", \"viewer\", \"guest\", \"billing\", "
	 "\"support\"]}",
	 0, 0, 0},
	{"name", "permission", NULL, 0, TEXT, "pattern",
	 "{\"regex\": \"(create|read|update|delete|export)_(users|projects|reports|invoices|settings|teams)\"}",
	 0, 0, 0},
	{"name", "currency", NULL, 0, TEXT, "currency_code", NULL, 0, 0, 0},
	{"name", "language", NULL, 0, TEXT, "list",
	 "{\"values\": [\"English\", \"Spanish\", \"French\", \"German\", \"Italian\", \"Japanese\", "
	 "\"Portuguese\", \"Dutch\", \"Polish\", \"Korean\", \"Arabic\", \"Hindi\"]}",
	 0, 0, 0},
	{"name", "status state", NULL, 0, TEXT, "list",
	 "{\"values\": [\"new\", \"open\", \"in progress\", \"on hold\", \"resolved\", \"closed\", "
	 "\"archived\", \"rejected\"]}",
	 0, 0, 0},
	{"status state *_status *_state stage", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"active\", \"pending\", \"inactive\"], \"weights\": [7, 2, 1]}", 0,
	 DEFAULT_STATE, 0},
	{"priority severity importance urgency", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"medium\", \"low\", \"high\", \"urgent\"], \"weights\": [5, 3, 2, 1]}", 0,
	 DEFAULT_STATE, 0.1},
	{"visibility privacy access *_visibility", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"public\", \"private\"]}", 0, DEFAULT_STATE, 0},
	{"unit units uom unit_of_measure *_unit", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"pcs\", \"kg\", \"m\", \"l\", \"h\"]}", 0, DEFAULT_STATE, 0.1},
	{"payment_method payment_type", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"card\", \"bank_transfer\", \"invoice\", \"cash\"]}", 0, DEFAULT_STATE, 0.1},
	{"method http_method request_method", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"GET\", \"POST\", \"PUT\", \"DELETE\"], \"weights\": [7, 2, 1, 1]}", 0,
	 DEFAULT_STATE, 0.1},
	{"protocol scheme", NULL, NULL, 0, TEXT, "list", "{\"values\": [\"https\", \"http\"]}", 0,
	 DEFAULT_STATE, 0.1},
	{"platform os operating_system", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"linux\", \"windows\", \"macos\", \"android\", \"ios\"]}", 0, DEFAULT_STATE,
	 0.1},
	{"browser browser_name", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"Chrome\", \"Firefox\", \"Safari\", \"Edge\"]}", 0, 0, 0.1},
	{"environment env", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"production\", \"staging\", \"development\"]}", 0, DEFAULT_STATE, 0.1},
	{"provider auth_provider *_provider", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"google\", \"github\", \"email\"]}", 0, DEFAULT_STATE, 0.2},
	{"frequency period billing_period interval recurrence", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"monthly\", \"weekly\", \"daily\", \"yearly\"]}", 0, DEFAULT_STATE, 0.1},
	{"action event event_name event_type operation activity verb", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"created\", \"updated\", \"deleted\"], \"weights\": [4, 5, 1]}", 0,
	 DEFAULT_STATE, 0},
	{"log_level loglevel", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"info\", \"warning\", \"error\", \"debug\"], \"weights\": [7, 2, 1, 2]}", 0,
	 DEFAULT_STATE, 0},
	{"license licence *_license", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"MIT\", \"Apache-2.0\", \"BSD-3-Clause\", \"GPL-3.0\"], \"weights\": [6, 3, 1, 1]}",
	 0, DEFAULT_STATE, 0.1},
	{"theme", NULL, NULL, 0, TEXT, "list", "{\"values\": [\"light\", \"dark\"]}", 0, DEFAULT_STATE,
	 0.1},
	{"size shirt_size", NULL, NULL, 0, TEXT, "list", "{\"values\": [\"S\", \"M\", \"L\", \"XL\"]}",
	 0, DEFAULT_STATE, 0.2},
	{"type", NULL, "updated_at", 0, TEXT, "list",
	 "{\"values\": [\"standard\", \"basic\", \"extra\"], \"weights\": [6, 3, 1]}", 0, DEFAULT_STATE,
	 1},
	{"type kind *_type *_kind", NULL, NULL, 0, TEXT, "list",
	 "{\"values\": [\"standard\", \"basic\", \"extra\"], \"weights\": [6, 3, 1]}", 0, DEFAULT_STATE,
	 0.1},

	/* texts */
	{"slug *_slug permalink url_name parameterized_name", NULL, NULL, 0, TEXT, "slug", NULL,
	 FOLLOWS_TITLE, 0, 0},
	{"sku *_sku part_number item_number upc ean gtin asin barcode serial serial_number serial_no isbn* "
	 "*_sku product_code model_number",
	 NULL, NULL, 0, TEXT, "sku", NULL, 0, 0, 0.2},
	{"num number no name tag label", "version release", NULL, 0, TEXT, "version", NULL, 0, 0, 0.1},
	{"number", NULL, NULL, 0, TEXT, "integer", "{\"min\": 1, \"max\": 99999}", 0, 0, 0.2},
	{"code *_code reference ref *_ref *_reference *_number number *_no no invoice_no order_no coupon "
	 "symbol abbreviation abbr *_abbreviation acronym short_code identifier",
	 NULL, NULL, 0, TEXT, "code", NULL, 0, 0, 0.2},
	{"name title", "product item good merchandise article_item", NULL, 0, TEXT, "product", NULL, 0,
	 0, 0},
	{"name", THINGS, NULL, 0, TEXT, "name", NULL, 0, 0, 0},
	{"name title", SUBJECTS, NULL, 0, TEXT, "word", NULL, 0, 0, 0},
	{"title headline heading subject *_title subject_line", NULL, NULL, 0, TEXT, "title", NULL, 0,
	 0, 0},
	{"name *_name", NULL, NULL, 0, TEXT, "name", NULL, 0, 0, 0},
	{"key setting option attribute property", NULL, NULL, 0, TEXT, "key", NULL, 0, 0, 0},
	{"label *_label caption tagline subtitle sub_title strapline motto slogan short_description display",
	 NULL, NULL, 0, TEXT, "label", NULL, 0, 0, 0.2},
	{"tag keyword topic genre category *_category group group_name namespace section", NULL, NULL,
	 0, TEXT, "word", NULL, 0, 0, 0.1},
	{"description summary excerpt abstract desc *_description *_summary details detail overview intro "
	 "introduction blurb",
	 NULL, NULL, 0, TEXT, "sentence", NULL, 0, 0, 0.2},
	{"body content contents text html markdown *_body *_text *_content *_html answer article story "
	 "transcript instructions terms",
	 NULL, NULL, 0, TEXT, "paragraph", NULL, 0, 0, 0},
	{"message comment comments review feedback question reply *_message *_comment prompt", NULL,
	 NULL, 0, TEXT, "sentence", NULL, 0, 0, 0.1},
	{"note notes remark remarks reason memo *_note *_notes *_reason *_remarks annotation error "
	 "*_error error_message failure_reason",
	 NULL, NULL, 0, TEXT, "sentence", NULL, 0, 0, 0.5},
	{"id *_id", NULL, NULL, 12, TEXT, "code", NULL, 0, 0, 0.3},
	{"id", NULL, NULL, 0, TEXT, "token", "{\"length\": 24}", 0, 0, 0},
	{"*_id *_uid uid external_id guid *_guid *_uuid uuid", NULL, NULL, 0, TEXT, "token",
	 "{\"length\": 20}", 0, 0, 0.3},

	/* numbers */
	{"*_count *_counts count *_cnt cnt num_* number_of_* n_* *_counter views view_count likes hits downloads clicks "
	 "votes upvotes downvotes impressions shares *_views visits usage_count",
	 NULL, NULL, 0, INT, "integer", "{\"min\": 0, \"max\": 100, \"distribution\": \"skewed\"}", 0,
	 DEFAULT_COUNTER, 0.1},
	{"*_cents *_in_cents", NULL, NULL, 0, DECIMAL, "number",
	 "{\"min\": 100, \"max\": 50000, \"scale\": 0, \"distribution\": \"skewed\"}", 0, 0, 0.1},
	{"exit_code *_exit_code", NULL, NULL, 0, INT, "list",
	 "{\"values\": [0, 1, 2], \"weights\": [90, 8, 2]}", 0, 0, 0.1},
	{"page page_number pages *_pages page_count", NULL, NULL, 0, INT, "integer",
	 "{\"min\": 1, \"max\": 50}", 0, 0, 0.1},
	{"*_cents *_in_cents *_minor amount *_amount price *_price cost *_cost total *_total fee *_fee "
	 "balance *_balance subtotal salary revenue budget",
	 NULL, NULL, 0, INT, "integer", "{\"min\": 100, \"max\": 50000, \"distribution\": \"skewed\"}",
	 0, 0, 0.1},
	{"hourly_rate daily_rate monthly_rate rental_rate billing_rate *_price_per_* rate_per_*", NULL,
	 NULL, 0, DECIMAL, "price", NULL, 0, 0, 0.1},
	{"percent* *_percent *_percentage *_pct *_rate rate completion progress *_progress vat discount "
	 "*_discount tax_rate commission",
	 NULL, NULL, 0, NUMBER, "percent", NULL, 0, 0, 0.1},
	{"salary *_salary income revenue *_revenue budget *_budget", NULL, NULL, 0, NUMBER, "number",
	 "{\"min\": 20000, \"max\": 200000, \"scale\": 0, \"distribution\": \"skewed\"}", 0, 0, 0.1},
	{"price *_price cost *_cost amount *_amount total *_total subtotal *_subtotal balance *_balance fee "
	 "*_fee tax *_tax taxes freight credit debit value *_value charge deposit refund payment",
	 NULL, NULL, 0, DECIMAL, "price", NULL, 0, 0, 0.1},
	{"probability confidence *_probability *_confidence ratio *_ratio share fraction relevance "
	 "similarity",
	 NULL, NULL, 0, DECIMAL, "number", "{\"min\": 0, \"max\": 1, \"scale\": 3}", 0, 0, 0.1},
	{"quantity qty units *_units *_quantity *_qty stock* *_stock inventory* units_* on_hand seats capacity "
	 "reorder_level",
	 NULL, NULL, 0, NUMBER, "quantity", NULL, 0, 0, 0},
	{"rating *_rating stars", NULL, NULL, 0, NUMBER, "rating", NULL, 0, 0, 0.1},
	{"score *_score points *_points karma reputation", NULL, NULL, 0, NUMBER, "integer",
	 "{\"min\": 0, \"max\": 100}", 0, DEFAULT_COUNTER, 0.1},
	{"position sort_order sort ordinal rank *_position *_order order_index order sequence seq idx index "
	 "*_index display_order iid ordering weight_order list_order sort_key sequence_number",
	 NULL, NULL, 0, INT, "position", NULL, 0, 0, 0},
	{"year *_year", NULL, NULL, 0, NUMBER, "year", NULL, 0, 0, 0.1},
	{"month *_month", NULL, NULL, 0, INT, "integer", "{\"min\": 1, \"max\": 12}", 0, 0, 0.1},
	{"day day_of_month *_day", NULL, NULL, 0, INT, "integer", "{\"min\": 1, \"max\": 28}", 0, 0,
	 0.1},
	{"weekday day_of_week dow", NULL, NULL, 0, INT, "integer", "{\"min\": 0, \"max\": 6}", 0, 0,
	 0.1},
	{"hour *_hour", NULL, NULL, 0, INT, "integer", "{\"min\": 0, \"max\": 23}", 0, 0, 0.1},
	{"port *_port", NULL, NULL, 0, INT, "integer", "{\"min\": 1024, \"max\": 32000}", 0, 0, 0.1},
	{"status_code http_status response_code response_status", NULL, NULL, 0, INT, "list",
	 "{\"values\": [200, 201, 204, 302, 404, 500], \"weights\": [80, 5, 3, 4, 6, 2]}", 0, 0, 0.1},
	{"is_* has_* can_* active inactive enabled disabled deleted discontinued visible published hidden archived",
	 NULL, NULL, 0, INT, "integer", "{\"min\": 0, \"max\": 1}", 0, DEFAULT_STATE, 0},
	{"status state *_status *_state type kind role *_type *_kind visibility category mode *_mode "
	 "*_role stage *_level access_level flags action *_action event *_format strategy reason *_reason source *_source store *_store trigger method *_method *_algo format",
	 NULL, NULL, 0, INT, "integer", "{\"min\": 0, \"max\": 2, \"distribution\": \"skewed\"}", 0,
	 DEFAULT_STATE, 0},
	{"attempts *_attempts retries *_retries tries failures", NULL, NULL, 0, INT, "integer",
	 "{\"min\": 0, \"max\": 5, \"distribution\": \"skewed\"}", 0, DEFAULT_COUNTER, 0.1},
	{"priority severity level importance depth difficulty", NULL, NULL, 0, INT, "integer",
	 "{\"min\": 1, \"max\": 5}", 0, DEFAULT_STATE, 0.1},
	{"version *_version revision", NULL, NULL, 0, INT, "integer",
	 "{\"min\": 1, \"max\": 5, \"distribution\": \"skewed\"}", 0, DEFAULT_COUNTER, 0.1},
	{"size *_size bytes *_bytes file_size size_* *_length content_length", NULL, NULL, 0, INT,
	 "integer", "{\"min\": 100, \"max\": 10000000, \"distribution\": \"skewed\"}", 0, 0, 0.1},
	{"duration* *_duration *_seconds *_secs *_minutes *_mins *_hours *_ms *_millis *_days runtime length "
	 "elapsed latency timeout *_timeout ttl *_ttl expires_in",
	 NULL, NULL, 0, NUMBER | SPAN, "duration", NULL, 0, 0, 0.2},
	{"weight *_weight height *_height width *_width depth *_depth", NULL, NULL, 0, NUMBER, "number",
	 "{\"min\": 1, \"max\": 200, \"scale\": 1}", 0, 0, 0.2},
	{"temperature *_temperature temp", NULL, NULL, 0, NUMBER, "number",
	 "{\"min\": -10, \"max\": 40, \"scale\": 1, \"distribution\": \"normal\"}", 0, 0, 0.1},
	{"*_at *_time *_ts *_timestamp timestamp time *_on *_date", NULL, NULL, 0, INT, "integer",
	 "{\"min\": 1704067200, \"max\": 1767225600}", 0, 0, 0.2},
	{"*_id *_ref *_number number code", NULL, NULL, 0, INT, "integer",
	 "{\"min\": 1, \"max\": 30000}", 0, 0, 0.3},

	/* yes or no: what most rows are */
	{"deleted is_deleted", NULL, NULL, 0, FLAG, "boolean", "{\"true\": 0}", 0, 0, 0.1},
	{"is_admin admin superuser is_superuser staff is_staff *deleted archived *_archived disabled *_disabled "
	 "banned is_banned blocked is_blocked *locked suspended hidden is_hidden spam is_spam flagged "
	 "is_default default primary is_primary featured is_featured internal is_bot bot is_system "
	 "is_test deprecated *_deprecated is_locked is_anonymous nsfw readonly read_only",
	 NULL, NULL, 0, FLAG, "boolean", "{\"true\": 0.05}", 0, 0, 0.1},
	{"active is_active enabled *_enabled verified is_verified *_verified confirmed is_confirmed published "
	 "is_published visible is_visible approved is_approved public is_public valid is_valid success "
	 "successful available is_available *_active",
	 NULL, NULL, 0, FLAG, "boolean", "{\"true\": 0.85}", 0, 0, 0.1},

	/* moments */
	{"created_at inserted_at created_on created date_created creation_date created_date created_time "
	 "create_time create_date date_added added_at added_on registered_at registered_on joined_at "
	 "joined_on date_joined signed_up_at created_ts create_ts inserted_on registration_date "
	 "creation_time ctime createdate inserted time_created",
	 NULL, NULL, 0, MOMENT, "moment", NULL, 0, 0, 0},
	{"updated_at updated_on updated date_updated modified* last_modified* last_update* last_updated* "
	 "changed_at edited_at *_modified date_modified *_updated_at update_time update_date mtime "
	 "synced_at *_synced_at touched_at refreshed_at",
	 NULL, NULL, 0, MOMENT, "moment", "{\"within\": \"30 days\"}", FOLLOWS_CREATION, 0, 0},
	{"deleted_at *_deleted_at archived_at removed_at discarded_at banned_at suspended_at revoked_at "
	 "cancelled_at canceled_at disabled_at *locked_at failed_at rejected_at blocked_at hidden_at "
	 "deleted_on deactivated_at terminated_at voided_at refunded_at *_revoked_at deleted delete_date "
	 "date_deleted deprecated_at termination_date dismissed_at",
	 NULL, NULL, 0, MOMENT, "moment", NULL, FOLLOWS_CREATION, 0, 0.9},
	{"expires* expiry* *_expires_at *_expires_on *_expiry* expiration* *_expiration* due* *_due_date "
	 "*_due_at valid_until valid_to valid_till *_until scheduled* *_scheduled_at *deadline next_* "
	 "renews_at renewal_date trial_end* target_date required_date expire_date estimated_delivery*",
	 NULL, NULL, 0, MOMENT, "moment", "{\"within\": \"90 days\", \"future\": true}",
	 FOLLOWS_CREATION, 0, 0.3},
	{"end ends *_end end_* ends_* ended* finish* finished* completed* stop* stopped* closed* *_to *_end_at "
	 "*_end_date *_ended_at *_completed_at *_finished_at returned_at return_date checked_out_at "
	 "resolved_at shipped_date delivered_at check_out to_date *to_datetime thru_date until",
	 NULL, NULL, 0, MOMENT, "moment", "{\"within\": \"14 days\"}", FOLLOWS_START, 0, 0.2},
	{"start* begin* begun_at *_start *_start_at *_start_date *_started_at valid_from *_from effective_* "
	 "from_date *from_datetime opened_at order_date ordered_at",
	 NULL, NULL, 0, MOMENT, "moment", NULL, FOLLOWS_CREATION, 0, 0.1},
	{"*_at *_on *_date date date_* *_time *_ts timestamp *_timestamp time *_since when day *_day last_* "
	 "*_verified *datetime",
	 NULL, NULL, 0, MOMENT, "moment", NULL, FOLLOWS_CREATION, 0, 0.3},
};

/* What comments say of columns whose name says nothing, in lower case. */
static const NameRule comment_rules[] = {
	{"*iso*3166*", NULL, NULL, 0, TEXT, "country_code", NULL, 0, 0, 0.1},
	{"*iso*4217*", NULL, NULL, 0, TEXT, "currency_code", NULL, 0, 0, 0.1},
	{"*iso*639*", NULL, NULL, 0, TEXT, "language_code", NULL, 0, 0, 0.1},
	{"*e_mail*address* *email*address*", NULL, NULL, 0, TEXT, "email", NULL, 0, 0, 0.1},
	{"*phone*number*", NULL, NULL, 0, TEXT, "phone", NULL, 0, 0, 0.2},
	{"url* *_url_* *_url", NULL, NULL, 0, TEXT, "url", NULL, 0, 0, 0.2},
	{"*percent*", NULL, NULL, 0, NUMBER, "percent", NULL, 0, 0, 0.1},
};

#define CREATION_RULE "created_at"

/* Names that mean something else without the table's before them. */
#define RESERVED_TABLES "reserved_* banned_* blocked_* forbidden_* disallowed_* denied_*"

#define WHOLE_NAMES "user_name user_agent order_date"

/* Tells whether any other column of a table has a name that matches. */
static bool
has_column(const GraphTable *table, const TableColumn *column, const char *patterns)
{
	ListCell *cell;

	foreach(cell, table->columns)
	{
		const TableColumn *other = lfirst(cell);

		if (other != column && name_matches_any(patterns, snake_case(other->name)))
			return true;
	}
	return false;
}

/* Tells whether a rule fits a column under a name. */
static bool
rule_fits(const NameRule *rule, const GraphTable *table, const TableColumn *column,
		  const char *name, const char *table_word)
{
	const ValueSpace *space = column->space;

	return (rule->kinds & (1U << space->kind)) != 0 &&
		   (rule->length == 0 || (space->max_length > 0 && space->max_length <= rule->length)) &&
		   (rule->tables == NULL || name_matches_any(rule->tables, table_word)) &&
		   name_matches_any(rule->names, name) &&
		   (rule->with == NULL || (table != NULL && has_column(table, column, rule->with)));
}

/* Returns the table's name without its schema, in the singular. */
static const char *
table_singular(const GraphTable *table)
{
	return singular_name(get_rel_name(table->relid));
}

/* Returns a name without the number that ends it, such as phone of phone_2; NULL where there is none. */
static const char *
without_number(const char *name)
{
	size_t length = strlen(name);
	size_t kept = length;

	while (kept > 0 && name[kept - 1] >= '0' && name[kept - 1] <= '9')
		kept--;
	if (kept == length)
		return NULL;
	while (kept > 0 && name[kept - 1] == '_')
		kept--;
	return kept > 0 ? pnstrdup(name, kept) : NULL;
}

/* Returns a name without the table's before it, such as name of product_name; NULL where it has not. */
static const char *
without_table(const char *name, const char *table)
{
	size_t length = strlen(table);

	if (strncmp(name, table, length) != 0 || name[length] != '_' || name[length + 1] == '\0')
		return NULL;
	return name + length + 1;
}

const NameRule *
name_rule(const GraphTable *table, const TableColumn *column)
{
	const char *singular = table_singular(table);
	const char *word = last_word(singular);
	const char *name = snake_case(column->name);
	bool		whole = name_matches_any(WHOLE_NAMES, name);
	const char *names[] = {whole ? name : without_table(name, singular),
						   whole ? NULL : without_table(name, word), name, without_number(name)};

	/* What such a table keeps from others should not be what they have. */
	if (column->space->kind == VALUE_TEXT && name_matches_any(RESERVED_TABLES, singular))
		return NULL;
	for (size_t n = 0; n < lengthof(names); n++)
	{
		for (size_t i = 0; names[n] != NULL && i < lengthof(rules); i++)
		{
			if (rule_fits(&rules[i], table, column, names[n], word))
				return &rules[i];
		}
	}
	return NULL;
}

const NameRule *
comment_rule(const TableColumn *column)
{
	if (column->comment == NULL)
		return NULL;
	for (size_t i = 0; i < lengthof(comment_rules); i++)
	{
		if (rule_fits(&comment_rules[i], NULL, column, snake_case(column->comment), ""))
			return &comment_rules[i];
	}
	return NULL;
}

const TableColumn *
creation_column(const GraphTable *table)
{
	const TableColumn *found = NULL;
	ListCell		  *cell;

	for (size_t i = 0; i < lengthof(rules); i++)
	{
		if (strncmp(rules[i].names, CREATION_RULE, strlen(CREATION_RULE)) != 0)
			continue;
		foreach(cell, table->columns)
		{
			TableColumn *column = lfirst(cell);

			if (rule_fits(&rules[i], table, column, snake_case(column->name), "") &&
				!column->generated && found == NULL)
				found = column;
		}
	}
	return found;
}
