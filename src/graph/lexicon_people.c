/*-------------------------------------------------------------------------
 *
 * lexicon_people.c
 *		What people, their jobs and their companies are called.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "graph/lexicon.h"

LEXICON(first_names, "Aaliyah", "Aaron", "Abdul", "Abigail", "Ada", "Adam", "Adriana", "Ahmed",
		"Aiko", "Aisha", "Akira", "Alan", "Alejandro", "Alena", "Alexander", "Alice", "Alina",
		"Amara", "Amina", "Amir", "Ana", "Anders", "Andrea", "Andrei", "Angela", "Anika", "Anna",
		"Anthony", "Antonio", "Anya", "Ariel", "Arjun", "Arthur", "Astrid", "Ayesha", "Barbara",
		"Beatriz", "Benjamin", "Bjorn", "Bogdan", "Brian", "Bruno", "Camila", "Carlos", "Carmen",
		"Caroline", "Catherine", "Charlotte", "Chen", "Chiara", "Chidi", "Chloe", "Christopher",
		"Claire", "Clara", "Daniel", "Daniela", "David", "Deepak", "Diana", "Diego", "Dmitri",
		"Dorota", "Edward", "Elena", "Eli", "Elizabeth", "Emeka", "Emil", "Emily", "Emma",
		"Enrique", "Erik", "Esther", "Ethan", "Eva", "Fatima", "Felix", "Femi", "Fernanda", "Finn",
		"Florence", "Francesca", "Gabriel", "George", "Giovanni", "Grace", "Greta", "Gustavo",
		"Hana", "Hannah", "Hans", "Harriet", "Hassan", "Hector", "Helena", "Henry", "Hiroshi",
		"Hugo", "Ian", "Ibrahim", "Ikram", "Ines", "Ingrid", "Irina", "Isabel", "Ivan", "Jack",
		"Jacob", "Jakub", "James", "Jamila", "Jan", "Jasmine", "Javier", "Jean", "Jelena", "Jin",
		"Joanna", "John", "Jonas", "Jorge", "Joseph", "Julia", "Julian", "Kaito", "Karen", "Karim",
		"Katarina", "Kavya", "Kenji", "Kofi", "Kristina", "Kwame", "Lars", "Laura", "Layla", "Lea",
		"Leila", "Leo", "Li", "Liam", "Lina", "Lucas", "Lucia", "Luis", "Maja", "Malik", "Marco",
		"Margaret", "Maria", "Mariam", "Marta", "Martin", "Mary", "Mateo", "Matthew", "Maya", "Mei",
		"Michael", "Miguel", "Mila", "Milan", "Min", "Mohamed", "Mona", "Nadia", "Naomi", "Natalia",
		"Nathan", "Niamh", "Nikolai", "Nina", "Noah", "Nora", "Olga", "Olivia", "Omar", "Oscar",
		"Pablo", "Paolo", "Patricia", "Paul", "Pedro", "Petra", "Priya", "Rachel", "Rafael",
		"Rahul", "Ravi", "Rebecca", "Ricardo", "Robert", "Rosa", "Ruth", "Sakura", "Samir",
		"Samuel", "Sara", "Sean", "Sebastian", "Sergei", "Simon", "Sofia", "Sophie", "Stefan",
		"Sunita", "Susan", "Tariq", "Teresa", "Thomas", "Tomas", "Uma", "Valentina", "Vera",
		"Victor", "Viktor", "Wei", "William", "Xin", "Yara", "Yasmin", "Yuki", "Yusuf", "Zara",
		"Zoe");

LEXICON(last_names, "Abbott", "Abdullah", "Abe", "Acosta", "Adams", "Adeyemi", "Aguilar", "Ahmed",
		"Akhtar", "Ali", "Allen", "Almeida", "Alvarez", "Andersen", "Anderson", "Andersson",
		"Antonov", "Aoki", "Arnold", "Asante", "Bailey", "Baker", "Banerjee", "Barbosa", "Barnes",
		"Bauer", "Becker", "Bell", "Bennett", "Berg", "Bergman", "Bernard", "Bianchi", "Boateng",
		"Bonnet", "Bose", "Bowman", "Brooks", "Brown", "Bruno", "Burke", "Byrne", "Campbell",
		"Campos", "Cardoso", "Carlson", "Carter", "Castillo", "Castro", "Chan", "Chandra", "Chang",
		"Chavez", "Chen", "Cho", "Choi", "Christensen", "Clark", "Clarke", "Cohen", "Cole",
		"Coleman", "Collins", "Conti", "Cooper", "Costa", "Cox", "Cruz", "Cunningham", "Dahl",
		"Das", "Davies", "Davis", "Delgado", "Desai", "Diallo", "Dias", "Diaz", "Dimitrov",
		"Dubois", "Duncan", "Dupont", "Durand", "Eklund", "Eriksen", "Esposito", "Evans", "Farah",
		"Farrell", "Fernandez", "Ferrari", "Ferreira", "Fischer", "Fisher", "Fleming", "Flores",
		"Fontaine", "Foster", "Fournier", "Fraser", "Fujita", "Garcia", "Garnier", "Georgiou",
		"Gibson", "Gill", "Girard", "Goldberg", "Gomes", "Gomez", "Gonzalez", "Gordon", "Graham",
		"Grant", "Greco", "Green", "Griffin", "Gupta", "Gutierrez", "Haas", "Hahn", "Hall",
		"Hamilton", "Hansen", "Harris", "Hartmann", "Hasan", "Hashimoto", "Hayashi", "Hayes",
		"Henderson", "Hernandez", "Herrera", "Hoffmann", "Holm", "Horvat", "Howard", "Hughes",
		"Hunter", "Hussain", "Ibrahim", "Ivanov", "Iyer", "Jackson", "Jacobs", "Jansen", "Jensen",
		"Jimenez", "Johansson", "Johnson", "Jones", "Joshi", "Jovanovic", "Kamau", "Kang", "Kapoor",
		"Kaur", "Kelly", "Kennedy", "Khan", "Kim", "King", "Klein", "Kobayashi", "Koch", "Kovacs",
		"Kowalski", "Kozlov", "Kumar", "Lambert", "Lang", "Larsen", "Laurent", "Lee", "Lehmann",
		"Leroy", "Levy", "Lewis", "Li", "Lim", "Lin", "Lindberg", "Liu", "Lopes", "Lopez", "Ludwig",
		"Lund", "Lynch", "MacDonald", "Mahmoud", "Maier", "Malik", "Marino", "Marques", "Martin",
		"Martinez", "Mason", "Matsumoto", "Mbeki", "Medina", "Mehta", "Mendes", "Mendoza", "Mensah",
		"Meyer", "Miller", "Mitchell", "Mohamed", "Molina", "Moore", "Morales", "Moreau", "Moreno",
		"Moretti", "Morgan", "Morris", "Mueller", "Murphy", "Murray", "Mwangi", "Nakamura",
		"Navarro", "Nelson", "Neumann", "Nguyen", "Nielsen", "Novak", "Nowak", "Nunez", "Nyberg",
		"Obi", "Okafor", "Okoye", "Oliveira", "Olsen", "Olsson", "Ortega", "Ortiz", "Owusu",
		"Pappas", "Park", "Parker", "Patel", "Pavlov", "Pereira", "Perez", "Perry", "Petersen",
		"Petrov", "Pham", "Phillips", "Pinto", "Popescu", "Popov", "Quinn", "Rahman", "Ramirez",
		"Ramos", "Rao", "Reyes", "Ricci", "Richter", "Rivera", "Roberts", "Robinson", "Rodriguez",
		"Rojas", "Romano", "Romero", "Rossi", "Roux", "Ruiz", "Russo", "Saito", "Salazar",
		"Sanchez", "Santos", "Sato", "Schmidt", "Schneider", "Schwarz", "Sharma", "Silva",
		"Simmons", "Singh", "Sokolov", "Sorensen", "Stewart", "Sullivan", "Suzuki", "Takahashi",
		"Tan", "Tanaka", "Taylor", "Thomas", "Thompson", "Torres", "Tran", "Turner", "Vargas",
		"Vasquez", "Vega", "Virtanen", "Vogel", "Volkov", "Wagner", "Walker", "Wang", "Watanabe",
		"Watson", "Weber", "Williams", "Wilson", "Wong", "Wood", "Wright", "Wu", "Xu", "Yamamoto",
		"Yang", "Yilmaz", "Young", "Zhang", "Zhao", "Zimmermann");

LEXICON(job_levels, "Senior", "Junior", "Lead", "Principal", "Associate", "Chief", "Deputy",
		"Assistant", "Regional", "Global");

LEXICON(job_fields, "Account", "Accounting", "Brand", "Business", "Communications", "Content",
		"Customer", "Data", "Design", "Engineering", "Finance", "Hardware", "Integration", "Legal",
		"Logistics", "Marketing", "Network", "Operations", "People", "Platform", "Policy",
		"Product", "Project", "Purchasing", "Quality", "Research", "Risk", "Sales", "Security",
		"Software", "Supply Chain", "Support", "Systems", "Training", "Web");

LEXICON(job_roles, "Administrator", "Advisor", "Analyst", "Architect", "Consultant", "Coordinator",
		"Designer", "Developer", "Director", "Engineer", "Lead", "Manager", "Officer", "Planner",
		"Researcher", "Specialist", "Strategist", "Technician");

LEXICON(departments, "Accounting", "Administration", "Analytics", "Business Development",
		"Communications", "Compliance", "Customer Success", "Customer Support", "Data", "Design",
		"Engineering", "Facilities", "Finance", "Growth", "Human Resources",
		"Information Technology", "Innovation", "Internal Audit", "Legal", "Logistics",
		"Manufacturing", "Marketing", "Operations", "Partnerships", "Planning", "Procurement",
		"Product", "Production", "Public Relations", "Quality Assurance", "Research",
		"Risk Management", "Sales", "Security", "Strategy", "Training", "Treasury");

LEXICON(company_stems, "Acme", "Alder", "Alpine", "Amberline", "Anchor", "Apex", "Arbor", "Arcadia",
		"Argon", "Ascend", "Ashford", "Aster", "Axiom", "Azure", "Balance", "Bayside", "Birch",
		"Bluebird", "Boreal", "Bridgewater", "Brightside", "Brook", "Cardinal", "Carver",
		"Cedarwood", "Centric", "Cinder", "Citadel", "Clearwater", "Cloudline", "Clover",
		"Cobaltix", "Copperfield", "Cornerstone", "Crestline", "Crosswind", "Crystal", "Dawnlight",
		"Deltaform", "Driftwood", "Eastgate", "Elmwood", "Emberly", "Equinox", "Everline",
		"Fairview", "Fenwick", "Fernhill", "Fieldstone", "Firstlight", "Flint", "Foxglove",
		"Frontier", "Gateway", "Glenwood", "Goldleaf", "Greenfield", "Grove", "Harborview",
		"Hawthorn", "Hearth", "Highland", "Hillcrest", "Hollow", "Ironwood", "Islander", "Juniper",
		"Keystone", "Kingfisher", "Lakeshore", "Larkspur", "Laurel", "Lighthaus", "Linden",
		"Longview", "Lumina", "Mapleton", "Meadow", "Meridian", "Midland", "Millstone", "Monarch",
		"Moonrise", "Mossy", "Northwind", "Oakridge", "Oceanic", "Orchard", "Osprey", "Palisade",
		"Paragon", "Pinecrest", "Pioneer", "Plainview", "Polestar", "Quarry", "Quill", "Ravenwood",
		"Redstone", "Ridgeline", "Riverbend", "Rosewood", "Sable", "Saltwater", "Seabright",
		"Silverline", "Skyward", "Solstice", "Springfield", "Starling", "Stonebridge", "Summit",
		"Sunfield", "Tallgrass", "Thornbury", "Tidewater", "Timberline", "Torch", "Trailhead",
		"Twinpeak", "Umber", "Upland", "Vantage", "Verdant", "Vireo", "Waterford", "Westbrook",
		"Whitestone", "Wildflower", "Willowbrook", "Windmill", "Winterset", "Woodland", "Wren",
		"Yarrow", "Zenway");

LEXICON(company_suffixes, "Analytics", "and Sons", "Associates", "Bakery", "Capital", "Consulting",
		"Dynamics", "Energy", "Engineering", "Foods", "Group", "GmbH", "Health", "Holdings", "Inc",
		"Industries", "Insurance", "Labs", "Logistics", "Ltd", "LLC", "Manufacturing", "Media",
		"Motors", "Networks", "Partners", "Pharma", "Publishing", "Robotics", "Solutions",
		"Studios", "Systems", "Technologies", "Trading", "Transport", "Ventures", "Works");
