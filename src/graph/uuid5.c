/*-------------------------------------------------------------------------
 *
 * uuid5.c
 *		Name-based UUIDs of version 5 (RFC 9562, section 5.5).
 *
 * SHA-1 is written out here, after FIPS 180-4, sections 5 and 6.1: the server exports none but through
 * pg_cryptohash_create(), whose context costs several times what it takes to hash the one block of
 * a short name.  It names rows and protects nothing, so that its weakness is no matter.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"

#include "core/compat.h"
#include "graph/uuid5.h"

POLLSEED_FUNCTION(pollseed_uuid5);

#define BLOCK_BYTES 64
#define STATE_WORDS 5

/* The message's length in bits stands in the last bytes of the last block. */
#define LENGTH_BYTES 8

/* Section 4.1.1: the functions of the four times twenty steps; section 4.2.1: their constants. */
#define CHOOSE(b, c, d) (((b) & ((c) ^ (d))) ^ (d))
#define PARITY(b, c, d) ((b) ^ (c) ^ (d))
#define MAJORITY(b, c, d) (((b) & (c)) | ((d) & ((b) | (c))))
#define K0 0x5a827999
#define K1 0x6ed9eba1
#define K2 0x8f1bbcdc
#define K3 0xca62c1d6

/* Section 6.1.3: the schedule's word t takes the place of word t - 16. */
#define WORD(t)                                                                         \
	(words[(t) &15] = pg_rotate_left32(words[((t) + 13) & 15] ^ words[((t) + 8) & 15] ^ \
										   words[((t) + 2) & 15] ^ words[(t) &15],      \
									   1))

/* A step; the five variables change roles from one to the next instead of being moved. */
#define STEP(a, b, c, d, e, f, k, word)                            \
	do                                                             \
	{                                                              \
		(e) += pg_rotate_left32(a, 5) + f(b, c, d) + (k) + (word); \
		(b) = pg_rotate_left32(b, 30);                             \
	} while (0)

/* Five steps from step t on, after which the variables have their roles again. */
#define FIVE_STEPS(f, k, word, t)                 \
	do                                            \
	{                                             \
		STEP(a, b, c, d, e, f, k, word(t));       \
		STEP(e, a, b, c, d, f, k, word((t) + 1)); \
		STEP(d, e, a, b, c, f, k, word((t) + 2)); \
		STEP(c, d, e, a, b, f, k, word((t) + 3)); \
		STEP(b, c, d, e, a, f, k, word((t) + 4)); \
	} while (0)

/* The first sixteen words are the block's. */
#define FIRST_WORD(t) words[t]

/* Takes a block into the state. */
static void
hash_block(uint32 *state, const uint8 *block)
{
	uint32 words[16];
	uint32 a = state[0];
	uint32 b = state[1];
	uint32 c = state[2];
	uint32 d = state[3];
	uint32 e = state[4];

	memcpy(words, block, BLOCK_BYTES);
	for (int i = 0; i < 16; i++)
		words[i] = pg_ntoh32(words[i]);

	FIVE_STEPS(CHOOSE, K0, FIRST_WORD, 0);
	FIVE_STEPS(CHOOSE, K0, FIRST_WORD, 5);
	FIVE_STEPS(CHOOSE, K0, FIRST_WORD, 10);
	STEP(a, b, c, d, e, CHOOSE, K0, FIRST_WORD(15));
	STEP(e, a, b, c, d, CHOOSE, K0, WORD(16));
	STEP(d, e, a, b, c, CHOOSE, K0, WORD(17));
	STEP(c, d, e, a, b, CHOOSE, K0, WORD(18));
	STEP(b, c, d, e, a, CHOOSE, K0, WORD(19));
	FIVE_STEPS(PARITY, K1, WORD, 20);
	FIVE_STEPS(PARITY, K1, WORD, 25);
	FIVE_STEPS(PARITY, K1, WORD, 30);
	FIVE_STEPS(PARITY, K1, WORD, 35);
	FIVE_STEPS(MAJORITY, K2, WORD, 40);
	FIVE_STEPS(MAJORITY, K2, WORD, 45);
	FIVE_STEPS(MAJORITY, K2, WORD, 50);
	FIVE_STEPS(MAJORITY, K2, WORD, 55);
	FIVE_STEPS(PARITY, K3, WORD, 60);
	FIVE_STEPS(PARITY, K3, WORD, 65);
	FIVE_STEPS(PARITY, K3, WORD, 70);
	FIVE_STEPS(PARITY, K3, WORD, 75);

	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

/* The message is the namespace and the name; what is left of it after whole blocks is padded by a one bit, zeros and its length. */
void
uuid5_make(const pg_uuid_t *name_space, const void *name, size_t length, pg_uuid_t *uuid)
{
	uint32		 state[STATE_WORDS] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	uint8		 block[BLOCK_BYTES];
	size_t		 filled = UUID_LEN;
	const uint8 *rest = name;
	size_t		 left = length;
	uint64		 bits = pg_hton64(((uint64) length + UUID_LEN) * BITS_PER_BYTE);

	memcpy(block, name_space->data, UUID_LEN);
	while (filled + left >= BLOCK_BYTES)
	{
		memcpy(block + filled, rest, BLOCK_BYTES - filled);
		hash_block(state, block);
		rest += BLOCK_BYTES - filled;
		left -= BLOCK_BYTES - filled;
		filled = 0;
	}
	memcpy(block + filled, rest, left);
	filled += left;
	block[filled++] = 0x80;
	if (filled > BLOCK_BYTES - LENGTH_BYTES)
	{
		memset(block + filled, 0, BLOCK_BYTES - filled);
		hash_block(state, block);
		filled = 0;
	}
	memset(block + filled, 0, BLOCK_BYTES - LENGTH_BYTES - filled);
	memcpy(block + BLOCK_BYTES - LENGTH_BYTES, &bits, LENGTH_BYTES);
	hash_block(state, block);

	for (int i = 0; i < STATE_WORDS; i++)
		state[i] = pg_hton32(state[i]);
	memcpy(uuid->data, state, UUID_LEN);
	uuid->data[6] = (uuid->data[6] & 0x0f) | 0x50;
	uuid->data[8] = (uuid->data[8] & 0x3f) | 0x80;
}

/* Returns the UUID of a name, which is hashed as UTF-8, whatever the database's encoding. */
Datum
pollseed_uuid5(PG_FUNCTION_ARGS)
{
	const pg_uuid_t *name_space = PG_GETARG_UUID_P(0);
	const text		*name = PG_GETARG_TEXT_PP(1);
	int				 length = VARSIZE_ANY_EXHDR(name);
	char			*bytes = VARDATA_ANY(name);
	pg_uuid_t		*uuid = palloc_object(pg_uuid_t);

	if (GetDatabaseEncoding() != PG_UTF8)
	{
		char *converted = pg_server_to_any(bytes, length, PG_UTF8);

		if (converted != bytes)
			length = (int) strlen(converted);
		bytes = converted;
	}
	uuid5_make(name_space, bytes, (size_t) length, uuid);
	PG_RETURN_UUID_P(uuid);
}
