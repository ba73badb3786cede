/*
 * version.h - how the agent names itself, in the official agent's forms.
 *
 * ECSIM_COMMIT is a short hash given by the build of a package; a build from a
 * plain tree has none.
 */
#ifndef AGENT_VERSION_H
#define AGENT_VERSION_H

#ifndef ECSIM_COMMIT
#define ECSIM_COMMIT "unknown"
#endif

/* The official release whose behaviour on the wire this agent follows; guards of scenarios use it.
 */
#define AGENT_BEHAVES_AS "1.105.1"

/* "Version" of the introspection API. */
#define AGENT_VERSION_TEXT "Amazon ECS Agent - v" ECSIM_VERSION " (" ECSIM_COMMIT ")"

/* User-Agent of the ECS API's calls. */
#define AGENT_USER_AGENT AGENT_VERSION_TEXT " (linux; LINUX) (+http://aws.amazon.com/ecs/)"

/* /license and --license. */
#define AGENT_LICENSE_TEXT "ecsim-agent is part of ecsim; see the file LICENSE of the source.\n"

#endif
