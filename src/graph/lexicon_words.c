/*-------------------------------------------------------------------------
 *
 * lexicon_words.c
 *		English words.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "graph/lexicon.h"

LEXICON(nouns, "garden", "market", "bridge", "window", "letter", "folder", "ticket", "project",
		"report", "budget", "system", "contract", "customer", "partner", "supplier", "manager",
		"planner", "designer", "teacher", "student", "doctor", "patient", "writer", "reader",
		"driver", "neighbor", "visitor", "member", "leader", "founder", "team", "group",
		"committee", "board", "panel", "crew", "network", "platform", "server", "database",
		"browser", "keyboard", "monitor", "camera", "printer", "scanner", "sensor", "device",
		"machine", "motor", "cable", "connector", "container", "package", "parcel", "pallet",
		"warehouse", "workshop", "studio", "kitchen", "restaurant", "hotel", "museum", "theater",
		"school", "hospital", "station", "harbor", "mountain", "river", "lake", "forest", "village",
		"town", "street", "corner", "building", "tower", "room", "floor", "door", "table", "chair",
		"desk", "lamp", "mirror", "picture", "painting", "drawing", "poster", "banner", "logo",
		"label", "calendar", "meeting", "lesson", "course", "seminar", "lecture", "session",
		"workbook", "notebook", "journal", "magazine", "newspaper", "chapter", "paragraph",
		"sentence", "question", "proposal", "decision", "plan", "task", "goal", "milestone",
		"deadline", "timeline", "roadmap", "release", "version", "feature", "module", "component",
		"layout", "template", "pattern", "model", "sample", "prototype", "test", "review", "poll",
		"chart", "graph", "map", "screen", "page", "header", "footer", "menu", "button", "dialog",
		"form", "field", "record", "document", "file", "video", "song", "concert", "festival",
		"tournament", "season", "trip", "flight", "train", "bicycle", "ship", "vehicle", "wheel",
		"tire", "garage", "route", "path", "crossing", "tunnel", "fence", "gate", "wall", "roof",
		"cellar", "barn", "farm", "harvest", "seed", "plant", "flower", "tree", "root", "stone",
		"pebble", "crystal", "diamond", "ring", "necklace", "jacket", "sweater", "shirt", "hat",
		"coat", "boot", "glove", "blanket", "pillow", "towel", "cup", "bottle", "basket", "bucket",
		"ladder", "hammer", "screwdriver", "nail", "needle", "thread", "pocket", "wallet", "purse",
		"coin", "receipt", "voucher", "coupon", "discount", "payment", "deposit", "loan",
		"mortgage", "grant", "fund", "pension", "rule", "regulation", "permit", "license",
		"certificate", "badge", "medal", "prize", "reward", "gift", "surprise", "rumor", "legend",
		"tale", "poem", "novel", "script", "rehearsal", "stage", "curtain", "costume", "mask",
		"drum", "guitar", "violin", "trumpet", "rhythm", "signal", "message", "notification",
		"reminder", "newsletter", "campaign", "slogan", "brand", "product", "shipment", "vendor",
		"retailer", "client", "tenant", "landlord", "resident", "guest", "host", "speaker",
		"trainer", "mentor", "trainee", "volunteer", "donor", "sponsor", "champion", "rival",
		"colleague", "friend");

LEXICON(adjectives, "brave", "bright", "broad", "busy", "calm", "careful", "central", "certain",
		"cheerful", "clean", "clear", "clever", "cold", "complete", "complex", "constant",
		"convenient", "correct", "creative", "critical", "curious", "daily", "dark", "deep",
		"delicate", "different", "digital", "direct", "distant", "double", "dry", "fair",
		"familiar", "famous", "fast", "final", "fine", "firm", "flat", "flexible", "formal",
		"former", "foreign", "free", "fresh", "friendly", "frequent", "full", "general", "gentle",
		"genuine", "global", "golden", "grand", "great", "green", "grey", "happy", "hard",
		"harmless", "healthy", "heavy", "helpful", "hidden", "high", "historic", "honest", "huge",
		"human", "joint", "key", "large", "late", "lasting", "light", "little", "lively", "local",
		"lonely", "long", "loose", "loud", "low", "lucky", "main", "major", "massive", "mature",
		"minor", "mobile", "modern", "modest", "monthly", "mutual", "narrow", "national", "native",
		"natural", "neat", "new", "nice", "noble", "normal", "northern", "notable", "patient",
		"perfect", "permanent", "personal", "plain", "pleasant", "polite", "popular", "portable",
		"positive", "practical", "precise", "pretty", "previous", "private", "proper", "proud",
		"public", "punctual", "quarterly", "quick", "quiet", "random", "rapid", "rare", "raw",
		"ready", "recent", "regional", "regular", "reliable", "remote", "responsible", "rich",
		"rough", "round", "royal", "rural", "safe", "second", "secure", "separate", "serious",
		"shared", "sharp", "short", "shy", "significant", "silent", "silver", "simple", "single",
		"slim", "slow", "small", "smart", "smooth", "social", "soft", "solid", "southern",
		"special", "specific", "stable", "standard", "steady", "steep", "strategic", "strong",
		"sturdy", "subtle", "successful", "sudden", "suitable", "sunny", "sweet", "swift",
		"technical", "temporary", "tender", "thick", "thin", "thorough", "tidy", "tiny", "typical",
		"valuable", "various", "vast", "verbal", "vertical", "visible", "vital", "vivid", "warm",
		"weekly", "western", "wide", "wild", "willing", "wise", "wooden", "worthy", "yearly",
		"young");

LEXICON(past_verbs, "accepted", "added", "adjusted", "admired", "advertised", "analysed",
		"announced", "approved", "arranged", "assembled", "assessed", "balanced", "booked",
		"borrowed", "built", "cancelled", "carried", "changed", "checked", "chose", "cleaned",
		"closed", "collected", "compared", "completed", "confirmed", "connected", "copied",
		"corrected", "counted", "covered", "created", "delayed", "delivered", "described",
		"designed", "developed", "discovered", "discussed", "displayed", "documented", "drafted",
		"emptied", "enjoyed", "evaluated", "examined", "exchanged", "expanded", "explained",
		"filled", "financed", "finished", "followed", "found", "guided", "handled", "identified",
		"improved", "inspected", "installed", "introduced", "inspired", "kept", "labelled",
		"launched", "led", "lifted", "loaded", "located", "maintained", "managed", "measured",
		"mentioned", "merged", "monitored", "moved", "named", "noticed", "offered", "opened",
		"ordered", "organised", "packed", "painted", "planned", "postponed", "praised", "prepared",
		"presented", "printed", "promoted", "protected", "published", "purchased", "raised",
		"received", "recommended", "recorded", "reduced", "refused", "registered", "rejected",
		"released", "removed", "renamed", "renewed", "rented", "repaired", "replaced", "reported",
		"requested", "required", "reserved", "resolved", "restored", "returned", "reviewed",
		"revised", "rewarded", "scheduled", "searched", "secured", "selected", "sent", "shared",
		"shipped", "simplified", "sketched", "sold", "solved", "sorted", "sponsored", "started",
		"stored", "studied", "submitted", "suggested", "supported", "surveyed", "tested", "tracked",
		"trained", "transferred", "translated", "updated", "upgraded", "used", "validated",
		"valued", "verified", "visited", "welcomed", "wrapped", "wrote");

LEXICON(gerunds, "adjusting", "analysing", "approving", "arranging", "assessing", "automating",
		"balancing", "building", "checking", "choosing", "cleaning", "closing", "collecting",
		"comparing", "completing", "connecting", "designing", "developing", "documenting",
		"drafting", "evaluating", "expanding", "explaining", "finding", "finishing", "fixing",
		"guiding", "improving", "inspecting", "introducing", "keeping", "launching", "leading",
		"maintaining", "managing", "measuring", "merging", "monitoring", "moving", "opening",
		"ordering", "organising", "packing", "planning", "preparing", "presenting", "protecting",
		"publishing", "reducing", "releasing", "removing", "renewing", "repairing", "replacing",
		"reviewing", "revising", "scheduling", "securing", "selecting", "sharing", "shipping",
		"simplifying", "solving", "sorting", "starting", "storing", "supporting", "testing",
		"tracking", "training", "translating", "understanding", "updating", "upgrading",
		"validating", "welcoming", "writing");

LEXICON(adverbs, "quickly", "carefully", "slowly", "quietly", "finally", "recently", "usually",
		"gladly", "calmly", "eagerly", "gently", "proudly", "politely", "openly", "partly",
		"promptly", "rarely", "regularly", "safely", "simply", "suddenly", "swiftly", "thoroughly",
		"together", "twice", "warmly", "happily", "honestly", "kindly", "neatly");

LEXICON(circumstances, "after lunch", "after the break", "at the end of the week", "at noon",
		"before dinner", "before the deadline", "by the end of the month", "during the meeting",
		"during the summer", "every morning", "for the first time", "from the start",
		"in the afternoon", "in the morning", "in the second quarter", "in time", "last week",
		"last month", "last year", "near the station", "on Monday", "on Tuesday", "on Wednesday",
		"on Thursday", "on Friday", "on the same day", "on time", "over the weekend", "this week",
		"this month", "this year", "twice a year", "under budget", "with a smile",
		"with great care", "without any delay", "yesterday", "again", "as planned",
		"around the corner", "behind the scenes", "in a hurry", "in good spirits", "in the end",
		"next to the river", "on request", "once more", "with ease");

LEXICON(codenames, "Aurora", "Atlas", "Apollo", "Horizon", "Phoenix", "Falcon", "Orion", "Nova",
		"Titan", "Vega", "Zenith", "Summit", "Beacon", "Compass", "Lighthouse", "Harbor",
		"Meridian", "Odyssey", "Pioneer", "Voyager", "Mercury", "Saturn", "Neptune", "Jupiter",
		"Andromeda", "Cascade", "Cedar", "Cobalt", "Comet", "Coral", "Delta", "Eclipse", "Ember",
		"Everest", "Evergreen", "Firefly", "Galaxy", "Glacier", "Granite", "Hawk", "Helix",
		"Indigo", "Ivory", "Jade", "Juniper", "Kestrel", "Kepler", "Lagoon", "Lark", "Legacy",
		"Lotus", "Lunar", "Magnolia", "Maple", "Marble", "Matrix", "Mosaic", "Nebula", "Nimbus",
		"Northstar", "Oasis", "Obsidian", "Olympus", "Onyx", "Opal", "Osprey", "Pegasus",
		"Peregrine", "Pinnacle", "Polaris", "Prism", "Pulse", "Quartz", "Quasar", "Radiant",
		"Rainier", "Redwood", "Ridge", "River", "Robin", "Sapphire", "Sequoia", "Sierra",
		"Solstice", "Spark", "Spectrum", "Sterling", "Stratus", "Sunrise", "Swift", "Tempest",
		"Terra", "Thunder", "Tundra", "Unity", "Vertex", "Vanguard", "Willow", "Zephyr");

LEXICON(products, "Backpack", "Bench", "Blanket", "Blender", "Bookshelf", "Bottle", "Bowl",
		"Camera", "Candle", "Chair", "Clock", "Coat", "Cushion", "Desk", "Drill", "Earbuds", "Fan",
		"Frame", "Glasses", "Gloves", "Grill", "Hammer", "Headphones", "Heater", "Helmet", "Jacket",
		"Kettle", "Keyboard", "Knife", "Lamp", "Lantern", "Mat", "Mirror", "Monitor", "Mouse",
		"Mug", "Notebook", "Pan", "Pen", "Pillow", "Planter", "Pot", "Printer", "Radio", "Rug",
		"Scale", "Scarf", "Shelf", "Shoes", "Sofa", "Speaker", "Stool", "Stove", "Sweater", "Table",
		"Tent", "Thermos", "Toaster", "Towel", "Tray", "Tripod", "Umbrella", "Vase", "Wallet",
		"Watch");

LEXICON(materials, "Aluminium", "Bamboo", "Brass", "Canvas", "Ceramic", "Copper", "Cotton",
		"Fleece", "Glass", "Granite", "Leather", "Linen", "Marble", "Oak", "Pine", "Plastic",
		"Rubber", "Silk", "Steel", "Stone", "Suede", "Titanium", "Walnut", "Wooden", "Woollen");

LEXICON(colours, "amber", "aqua", "azure", "beige", "black", "blue", "bronze", "brown", "burgundy",
		"charcoal", "coral", "crimson", "cyan", "emerald", "gold", "gray", "green", "indigo",
		"ivory", "jade", "khaki", "lavender", "lilac", "lime", "magenta", "maroon", "mint", "navy",
		"olive", "orange", "peach", "pink", "plum", "purple", "red", "rose", "ruby", "salmon",
		"sand", "sapphire", "scarlet", "silver", "tan", "teal", "turquoise", "violet", "white",
		"yellow");
