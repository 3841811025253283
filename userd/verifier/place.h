/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the commands of a fleet work on, opened by its configuration. Each function says on
 * standard error why it cannot, and returns VERIFIER_EXIT_USAGE then.
 */
#ifndef VERIFIER_PLACE_H
#define VERIFIER_PLACE_H

#include "verifier/ca.h"
#include "verifier/config.h"
#include "verifier/fleet.h"
#include "verifier/verifier.h"

#define PLACE_PASSPHRASE 256

/** place_config() - read the file of --config */
enum verifier_exit place_config(const struct verifier *verifier, struct config *ret);

/** place_fleet() - open the store; ended with fleet_close() */
enum verifier_exit place_fleet(const struct config *config, struct fleet **ret);

/** place_ca() - open the CA; ended with ca_close() */
enum verifier_exit place_ca(const struct config *config, struct ca **ret);

#endif /* VERIFIER_PLACE_H */
