/*-------------------------------------------------------------------------
 *
 * generators_address.c
 *		Generators of addresses in networks, which are of private use all.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/socket.h>

#include "catalog/pg_type.h"
#include "utils/inet.h"

#include "core/compat.h"
#include "graph/generators.h"
#include "graph/wording.h"

/* Bits that addresses differ in: of 10.0.0.0/8, of its networks of 256, and of a card's address. */
#define HOST_BITS 24
#define NETWORK_BITS 16
#define CARD_BITS 40

/* Locally administered, of one card. */
#define CARD_PREFIX 0x02

typedef enum AddressShape
{
	ADDRESS_HOST,
	ADDRESS_CARD,
	ADDRESS_NETWORK /* whatever the type wants */
} AddressShape;

typedef struct AddressKind
{
	GeneratorKind kind;
	AddressShape  shape;
} AddressKind;

typedef struct AddressState
{
	Shuffle shuffle;
	bool	card;	 /* of macaddr */
	bool	network; /* without a host, of cidr */
} AddressState;

/* Makes a generator of addresses. */
static void
make_address(Generator *generator, const GeneratorRequest *request)
{
	AddressShape	  shape = ((const AddressKind *) generator->kind)->shape;
	const ValueSpace *space = request->space;
	AddressState	 *state = palloc0_object(AddressState);
	bool			  card_type = space->base == MACADDROID || space->base == MACADDR8OID;

	generator->state = state;
	if (!generator_accepts(generator, request,
						   KIND_SET(VALUE_NETWORK) | KIND_SET(VALUE_TEXT) | KIND_SET(VALUE_JSON) |
							   KIND_SET(VALUE_OTHER)))
		return;
	state->card = shape == ADDRESS_CARD || (shape == ADDRESS_NETWORK && card_type);
	state->network =
		space->base == CIDROID || (shape == ADDRESS_NETWORK && space->kind == VALUE_TEXT);
	if (space->kind == VALUE_NETWORK && state->card != card_type)
		generator_problem(request, "the column's type has addresses of another sort",
						  "The generator \"network\" gives what the type has.");
	if (space->kind == VALUE_TEXT && space->max_length >= 0 &&
		space->max_length < (int) strlen(state->card	  ? "02:00:00:00:00:00"
										 : state->network ? "10.255.255.0/24"
														  : "10.255.255.255"))
		generator_problem(request, "the column is too short for addresses", NULL);
	state->shuffle = shuffle_make(UINT64CONST(1) << (state->card	  ? CARD_BITS
													 : state->network ? NETWORK_BITS
																	  : HOST_BITS));
	generator->capacity = state->shuffle.size;
}

/* Makes the Datum of a card's address. */
static Datum
card_datum(const ValueSpace *space, uint64 number)
{
	unsigned char bytes[5];
	char		  buffer[24];

	for (size_t i = 0; i < lengthof(bytes); i++)
		bytes[i] = (unsigned char) (number >> (32 - 8 * i));
	if (space->base == MACADDROID)
	{
		macaddr *card = palloc0_object(macaddr);

		*card = (macaddr){CARD_PREFIX, bytes[0], bytes[1], bytes[2], bytes[3], bytes[4]};
		return MacaddrPGetDatum(card);
	}
	if (space->base == MACADDR8OID)
	{
		macaddr8 *card = palloc0_object(macaddr8);

		*card =
			(macaddr8){CARD_PREFIX, bytes[0], bytes[1], 0xff, 0xfe, bytes[2], bytes[3], bytes[4]};
		return Macaddr8PGetDatum(card);
	}
	return text_datum(space, buffer,
					  snprintf(buffer, sizeof(buffer), "%02x:%02x:%02x:%02x:%02x:%02x", CARD_PREFIX,
							   bytes[0], bytes[1], bytes[2], bytes[3], bytes[4]));
}

/* Makes the Datum of a host's or a network's address. */
static Datum
host_datum(const ValueSpace *space, uint64 number, bool network)
{
	uint64 host = network ? number << 8 : number;
	char   buffer[24];
	inet  *address;

	if (space->kind != VALUE_NETWORK)
		return text_datum(space, buffer,
						  snprintf(buffer, sizeof(buffer), "10.%d.%d.%d%s", (int) (host >> 16),
								   (int) (host >> 8 & 255), (int) (host & 255),
								   network ? "/24" : ""));
	address = palloc0_object(inet);
	ip_family(address) = PGSQL_AF_INET;
	ip_bits(address) = network ? 24 : 32;
	ip_addr(address)[0] = 10;
	ip_addr(address)[1] = (unsigned char) (host >> 16);
	ip_addr(address)[2] = (unsigned char) (host >> 8);
	ip_addr(address)[3] = (unsigned char) host;
	SET_INET_VARSIZE(address);
	return InetPGetDatum(address);
}

/* Returns an address. */
static Datum
address_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const AddressState *state = generator->state;
	uint64				number = cell->distinct ? shuffle_at(&state->shuffle, cell->n)
												: random_below(cell->random, state->shuffle.size);

	*isnull = false;
	return state->card ? card_datum(generator->space, number)
					   : host_datum(generator->space, number, state->network);
}

#define ADDRESS_KIND(name, gives, type, shape)                            \
	{                                                                     \
		{name, "", gives, NULL, type, make_address, address_value}, shape \
	}

static const AddressKind kinds[] = {
	ADDRESS_KIND("ip", "addresses of private networks", INETOID, ADDRESS_HOST),
	ADDRESS_KIND("mac", "addresses of network cards", MACADDROID, ADDRESS_CARD),
	ADDRESS_KIND("network", "addresses of the sort that the column's type has", CIDROID,
				 ADDRESS_NETWORK),
};

const KindTable address_kinds = KIND_TABLE(kinds);
