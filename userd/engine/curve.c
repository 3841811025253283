// SPDX-License-Identifier: BSD-3-Clause
/*
 * See the header. What is asked for is compared as numbers: prime, a and b; the generator and
 * its order are set by the caller afterwards, as in any other group.
 */
#include "engine/curve.h"

#include <dlfcn.h>
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <stdbool.h>

typedef EC_GROUP *new_curve_fn(const BIGNUM *p, const BIGNUM *a, const BIGNUM *b, BN_CTX *ctx);

static struct {
	EC_GROUP *group;
	BIGNUM *p, *a, *b;
} known;

int curve_prepare(void)
{
	if (known.group)
		return 0;
	known.p = BN_new();
	known.a = BN_new();
	known.b = BN_new();
	known.group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	if (known.p && known.a && known.b && known.group &&
	    EC_GROUP_get_curve(known.group, known.p, known.a, known.b, NULL))
		return 0;
	EC_GROUP_free(known.group);
	known.group = NULL;
	BN_free(known.p);
	BN_free(known.a);
	BN_free(known.b);
	return -ENOTRECOVERABLE;
}

static bool is_known(const BIGNUM *p, const BIGNUM *a, const BIGNUM *b)
{
	return known.group && !BN_cmp(p, known.p) && !BN_cmp(a, known.a) && !BN_cmp(b, known.b);
}

/* Named by OpenSSL, called by libtpms. */
EC_GROUP *EC_GROUP_new_curve_GFp(const BIGNUM *p, const BIGNUM *a, const BIGNUM *b, BN_CTX *ctx)
{
	new_curve_fn *next;

	if (is_known(p, a, b))
		return EC_GROUP_dup(known.group);
	next = (new_curve_fn *)dlsym(RTLD_NEXT, "EC_GROUP_new_curve_GFp");
	return next ? next(p, a, b, ctx) : NULL;
}
