// SPDX-License-Identifier: BSD-3-Clause
/*
 * Split and join; see the header.
 */
#include "seal/release.h"

#include <errno.h>

#include "base/secret.h"

static struct seal_bytes about(const void *host)
{
	return (struct seal_bytes){ host, KEYD_HOST_ID_SIZE };
}

void release_take(const uint8_t half[SEAL_KEY_SIZE], const uint8_t *secret,
		  uint8_t ret_share[SEAL_KEY_SIZE])
{
	for (size_t i = 0; i < SEAL_KEY_SIZE; i++)
		ret_share[i] = half[i] ^ secret[i];
}

int release_make(const uint8_t share[SEAL_KEY_SIZE], const uint8_t x[SEAL_X_SIZE],
		 const void *host, uint8_t ret_secret[SEAL_KEY_SIZE],
		 uint8_t ret_box[RELEASE_BOX_SIZE])
{
	uint8_t point[SEAL_POINT_SIZE], half[SEAL_KEY_SIZE];
	int r;

	r = seal_even_point(x, point);
	if (!r)
		r = seal_random(ret_secret, SEAL_KEY_SIZE);
	if (r)
		return r;
	release_take(share, ret_secret, half);
	r = box_close(point, BOX_SHARE, about(host), (struct seal_bytes){ half, sizeof(half) },
		      ret_box);
	secret_wipe(half, sizeof(half));
	return r;
}

int release_half(const uint8_t scalar[SEAL_SCALAR_SIZE], const void *host, struct seal_bytes box,
		 uint8_t ret_half[SEAL_KEY_SIZE])
{
	size_t length = 0;
	int r;

	if (box.length != RELEASE_BOX_SIZE)
		return -EBADMSG;
	r = box_open(scalar, BOX_SHARE, about(host), box, ret_half, SEAL_KEY_SIZE, &length);
	return r == -EINVAL ? -EBADMSG : r;
}
