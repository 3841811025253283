/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The few primitives this room is made of, each one call of OpenSSL's EVP.
 *
 * There is one hash (SHA-256), one key derivation (HKDF, RFC 5869), one cipher
 * (AES-256-GCM, SP 800-38D) and one curve (P-256). What a key is for is said in the
 * label it is derived with, so that no key ever serves two purposes.
 */
#ifndef SEAL_CRYPTO_H
#define SEAL_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#define SEAL_KEY_SIZE	 32
#define SEAL_HASH_SIZE	 32
#define SEAL_NONCE_SIZE	 12
#define SEAL_TAG_SIZE	 16
#define SEAL_SCALAR_SIZE 32
/** define SEAL_POINT_SIZE - uncompressed P-256 point (SEC 1, 2.3.3) */
#define SEAL_POINT_SIZE 65
/** define SEAL_SIGNATURE_SIZE - r and s of ECDSA on P-256 */
#define SEAL_SIGNATURE_SIZE 64

/**
 * struct seal_bytes - bytes owned by somebody else
 * @at: first one, may be NULL where @length is 0
 * @length: how many
 */
struct seal_bytes {
	const void *at;
	size_t length;
};

/**
 * seal_crypto_prepare() - have OpenSSL open and fetch what it needs, before the sandbox
 *
 * Return: 0; -EIO.
 */
int seal_crypto_prepare(void);

/** seal_random() - @length random bytes. Return: 0; -EIO (no entropy) */
int seal_random(void *to, size_t length);

/** seal_hash() - SHA-256. Return: 0; -EIO */
int seal_hash(struct seal_bytes bytes, uint8_t ret[SEAL_HASH_SIZE]);

/** seal_hmac() - HMAC-SHA256. Return: 0; -EIO */
int seal_hmac(const uint8_t key[SEAL_KEY_SIZE], struct seal_bytes bytes,
	      uint8_t ret[SEAL_HASH_SIZE]);

/**
 * seal_derive() - HKDF-SHA256
 * @secret: input keying material
 * @salt: may be empty
 * @label: what the key is for
 * @context: what the key is bound to besides, may be empty; at most 192 bytes
 * @ret: key, @length bytes
 * @length: how many
 *
 * Return: 0; -EMSGSIZE (@label and @context are too long); -EIO.
 */
int seal_derive(struct seal_bytes secret, struct seal_bytes salt, const char *label,
		struct seal_bytes context, uint8_t *ret, size_t length);

/**
 * seal_encrypt() - AES-256-GCM
 * @key: SEAL_KEY_SIZE bytes
 * @nonce: SEAL_NONCE_SIZE bytes, never used with this key before
 * @aad: authenticated, not encrypted
 * @plain: to encrypt
 * @ret: ciphertext, then the tag: @plain's length + SEAL_TAG_SIZE bytes
 *
 * Return: 0; -EIO.
 */
int seal_encrypt(const uint8_t *key, const uint8_t *nonce, struct seal_bytes aad,
		 struct seal_bytes plain, uint8_t *ret);

/**
 * seal_decrypt() - the reverse
 * @sealed: ciphertext and tag
 * @ret: room for @sealed's length - SEAL_TAG_SIZE bytes; zeros on failure
 *
 * Return: 0; -EBADMSG (another key, nonce or aad, or changed bytes); -EIO.
 */
int seal_decrypt(const uint8_t *key, const uint8_t *nonce, struct seal_bytes aad,
		 struct seal_bytes sealed, uint8_t *ret);

/**
 * seal_pair_new() - a fresh key pair on P-256
 * @ret_scalar: the private half, big-endian
 * @ret_point: the public half
 *
 * Return: 0; -EIO.
 */
int seal_pair_new(uint8_t ret_scalar[SEAL_SCALAR_SIZE], uint8_t ret_point[SEAL_POINT_SIZE]);

/**
 * seal_point_of() - the public half that belongs to a private one
 *
 * Return: 0; -EINVAL (no private key of P-256); -EIO.
 */
int seal_point_of(const uint8_t scalar[SEAL_SCALAR_SIZE], uint8_t ret_point[SEAL_POINT_SIZE]);

/** define SEAL_X_SIZE - x of a point of P-256 */
#define SEAL_X_SIZE 32

/**
 * seal_even_pair_new() - the same, of a point whose y is even: its x alone says which it is
 *
 * Return: 0; -EIO.
 */
int seal_even_pair_new(uint8_t ret_scalar[SEAL_SCALAR_SIZE], uint8_t ret_point[SEAL_POINT_SIZE]);

/**
 * seal_even_point() - the point with this x whose y is even
 *
 * Return: 0; -EINVAL (there is none); -EIO.
 */
int seal_even_point(const uint8_t x[SEAL_X_SIZE], uint8_t ret_point[SEAL_POINT_SIZE]);

/**
 * seal_agree() - ECDH (SP 800-56A, 5.7.1.2)
 * @scalar: our private half
 * @point: their public half, checked to be on the curve
 * @ret: x of the shared point
 *
 * Return: 0; -EINVAL (@point or @scalar is none); -EIO.
 */
int seal_agree(const uint8_t scalar[SEAL_SCALAR_SIZE], const uint8_t point[SEAL_POINT_SIZE],
	       uint8_t ret[SEAL_KEY_SIZE]);

/**
 * seal_derive_scalar() - a private half of P-256 for another use than that of the secret
 * @secret: input keying material
 * @label: what the key is for
 * @ret: set on success; the caller wipes it
 *
 * HKDF to 384 bits, reduced to 1..n-1 (FIPS 186-5, A.2.1).
 *
 * Return: 0; -EIO.
 */
int seal_derive_scalar(struct seal_bytes secret, const char *label, uint8_t ret[SEAL_SCALAR_SIZE]);

/**
 * seal_sign() - ECDSA on P-256 (FIPS 186-5, 6.4)
 * @scalar: private half
 * @digest: SHA-256 of what is signed
 *
 * Return: 0; -EINVAL (@scalar is none); -EIO.
 */
int seal_sign(const uint8_t scalar[SEAL_SCALAR_SIZE], const uint8_t digest[SEAL_HASH_SIZE],
	      uint8_t ret[SEAL_SIGNATURE_SIZE]);

/**
 * seal_verify() - did the holder of @point's private half sign?
 *
 * Return: 0; -EKEYREJECTED (no, or @point is no point); -EIO.
 */
int seal_verify(const uint8_t point[SEAL_POINT_SIZE], const uint8_t digest[SEAL_HASH_SIZE],
		const uint8_t signature[SEAL_SIGNATURE_SIZE]);

#endif /* SEAL_CRYPTO_H */
