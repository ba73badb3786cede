/*
 * leaked.h - no secret of a scenario is anywhere it does not belong.
 *
 * The fakes register every secret that they hand out or hear of with the journal
 * (journal_secret(): keys, session tokens, passwords of registries, tokens of ECR,
 * SecureStrings, secrets). At the end of every scenario each of them is looked for
 *   - in what the agent printed, as it printed it (agent.log);
 *   - in what it left in its data and log folders: saved state, log files;
 *   - in its introspection API, asked by the harness before the agent ends;
 *   - in the journal's records, where only the steps of the scenario may have it.
 * A find fails the scenario and says where, without the secret.
 */
#ifndef HARNESS_LEAKED_H
#define HARNESS_LEAKED_H

struct run;

/* While the agent runs: asks its introspection API. */
void leaked_ask(struct run *r);
/* When it has ended. Fails the run, or not. */
int leaked_find(struct run *r);

#endif
