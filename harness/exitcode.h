/*
 * exitcode.h - how every ecsim command ends. Scripts and CI depend on these.
 */
#ifndef HARNESS_EXITCODE_H
#define HARNESS_EXITCODE_H

enum exitcode {
    EXITCODE_PASSED = 0,   /* everything asked for was done, nothing failed */
    EXITCODE_FAILED = 1,   /* a scenario failed; fmt --check found a difference */
    EXITCODE_USAGE = 2,    /* the command line makes no sense */
    EXITCODE_SCENARIO = 3, /* a scenario is not valid; nothing was started */
    EXITCODE_HARNESS = 4,  /* a fault of ours, or of the machine */
    EXITCODE_AGENT = 5,    /* the agent under test could not be started */
};

#endif
