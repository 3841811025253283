/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The few kinds of values that our extensions are made of, in DER (X.690, 8 and 10): all are
 * shorter than 128 bytes, so a length is one byte.
 */
#ifndef CERT_DER_H
#define CERT_DER_H

#include "base/cursor.h"

#define DER_INTEGER	 0x02
#define DER_OCTET_STRING 0x04
#define DER_ENUMERATED	 0x0a
#define DER_SEQUENCE	 0x30

/** der_put() - a value of @length bytes, below 128 */
void der_put(struct cursor_out *out, uint8_t tag, const void *bytes, size_t length);

/** der_put_number() - an integer or enumerated value: the fewest bytes that leave it positive */
void der_put_number(struct cursor_out *out, uint8_t tag, uint64_t value);

/** der_get() - step over a value. Return: a reader of its bytes; both are bad for another tag */
struct cursor_in der_get(struct cursor_in *in, uint8_t tag);

/** der_get_raw() - a value of exactly @length bytes; otherwise @in is bad */
void der_get_raw(struct cursor_in *in, uint8_t tag, void *to, size_t length);

/** der_get_number() - a number; what is too large for 64 bits loses its highest */
uint64_t der_get_number(struct cursor_in *in, uint8_t tag);

#endif /* CERT_DER_H */
