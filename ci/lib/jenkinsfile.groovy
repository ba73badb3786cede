/*
 * jenkinsfile.groovy FILE [SHARD]: reads a declarative pipeline as Jenkins does, with Groovy's own
 * compiler, and holds it against what the page "Pipeline Syntax" of Jenkins' handbook lets stand
 * where: a section, directive or step that does not belong there, that is missing, or that has a
 * parameter its plugin does not know, is an error with its line (exit code 1).
 *
 * With SHARD it prints what its `sh` steps run for that value of the matrix's axis (0: what runs
 * outside of the matrix), after the environment, as lines of a shell.
 */
class Wrong extends Exception {
    Wrong(String text) { super(text, null, false, true) }
}

/* What may stand in a block (true: must), and what each of it is: a block of its own, or a value. */
class Grammar {
    static final Map BLOCKS = [
        pipeline   : [agent: true, stages: true, environment: false, options: false, parameters: false,
                      triggers: false, tools: false, post: false],
        stages     : [stage: true],
        stage      : [agent: false, steps: false, stages: false, matrix: false, parallel: false, when: false,
                      environment: false, options: false, tools: false, input: false, post: false],
        matrix     : [axes: true, stages: true, agent: false, excludes: false, environment: false,
                      options: false, tools: false, when: false, input: false, post: false],
        axes       : [axis: true],
        axis       : [name: true, values: true],
        agent      : [label: false, node: false, docker: false, dockerfile: false, kubernetes: false],
        post       : [always: false, changed: false, fixed: false, regression: false, aborted: false,
                      failure: false, success: false, unstable: false, unsuccessful: false, cleanup: false],
    ]
    static final Set STEP_BLOCKS = (['steps'] + BLOCKS.post.keySet()) as Set
    /* steps of the plugins that Jenkins suggests, with their parameters; the first is the one without a name */
    static final Map STEPS = [
        sh: ['script', 'label', 'returnStatus', 'returnStdout', 'encoding'], echo: ['message'],
        catchError: ['message', 'buildResult', 'stageResult', 'catchInterruptions'], script: [],
        stash: ['name', 'includes', 'excludes', 'allowEmpty', 'useDefaultExcludes'], unstash: ['name'],
        junit: ['testResults', 'allowEmptyResults', 'keepLongStdio', 'skipPublishingChecks'],
        archiveArtifacts: ['artifacts', 'allowEmptyArchive', 'excludes', 'fingerprint', 'onlyIfSuccessful'],
    ]
    static final Map RESULTS = [buildResult: ['SUCCESS', 'UNSTABLE', 'FAILURE'],
                                stageResult: ['SUCCESS', 'UNSTABLE', 'FAILURE', 'NOT_BUILT', 'ABORTED']]
}

/* One block while its closure runs: every call and every word in it comes here. */
class Block {
    String kind
    Block outer
    Pipeline whole
    Map had = [:]
    Map env = [:]

    static void run(Pipeline whole, Block outer, String kind, Closure body) {
        def b = new Block(kind: kind, outer: outer, whole: whole)
        def c = (Closure) body.clone()
        c.delegate = b
        c.resolveStrategy = Closure.DELEGATE_ONLY
        c.call()
        Grammar.BLOCKS[kind]?.each { name, must ->
            if (must && !b.had[name])
                throw new Wrong("`${kind}` needs `${name}`")
        }
        if (kind == 'stage' && ['steps', 'stages', 'matrix', 'parallel'].count { b.had[it] } != 1)
            throw new Wrong('`stage` needs one of `steps`, `stages`, `matrix` and `parallel`')
        if (Grammar.STEP_BLOCKS.contains(kind) && !b.had)
            throw new Wrong("`${kind}` has no steps")
    }

    boolean inSteps() { Grammar.STEP_BLOCKS.contains(kind) || kind == 'script' || outer && kind == 'step' && outer.inSteps() }

    Object propertyMissing(String name) {
        if (kind in ['pipeline', 'stage', 'matrix'] && name in ['none', 'any'])
            return name
        if (inSteps() && whole.environment.containsKey(name))
            return whole.environment[name]
        if (inSteps() && whole.axes.containsKey(name))
            return whole.shard as String
        throw new Wrong("`${name}` is no word of `${kind}`")
    }

    void propertyMissing(String name, value) {
        if (kind != 'environment')
            throw new Wrong("`${name} =` does not belong in `${kind}`")
        whole.environment[name] = value as String
    }

    Object methodMissing(String name, args) {
        if (inSteps())
            return step(name, args as List)
        def allowed = Grammar.BLOCKS[kind]
        if (allowed == null || !allowed.containsKey(name))
            throw new Wrong("`${name}` does not belong in `${kind}`" +
                            (allowed ? ": ${allowed.keySet().join(', ')} do" : ''))
        if (had[name] && !(name in ['stage', 'axis']))
            throw new Wrong("`${name}` is there twice in `${kind}`")
        had[name] = true
        def body = args && args[-1] instanceof Closure ? args[-1] : null
        if (name == 'stage' && (args.size() != 2 || !(args[0] instanceof CharSequence) || !body))
            throw new Wrong('a stage is `stage(\'name\') { ... }`')
        if (name == 'agent' && !body && !(args[0] in ['none', 'any']))
            throw new Wrong('an agent is `none`, `any` or a block')
        if (kind == 'axis')
            whole.axis(name, args as List)
        else if (name == 'matrix')
            whole.inMatrix { Block.run(whole, this, name, body) }
        else if (body)
            Block.run(whole, this, name, body)
        null
    }

    private Object step(String name, List args) {
        def known = Grammar.STEPS[name]
        def body = args && args[-1] instanceof Closure ? args.pop() : null
        def given = args && args[0] instanceof Map ? args.remove(0) : [:]
        if (known == null)
            throw new Wrong("`${name}` is no step that this knows")
        had[name] = true
        args.each { given[known[0]] = it }
        given.each { parameter, value ->
            if (!known.contains(parameter))
                throw new Wrong("`${name}` has no parameter `${parameter}`: ${known.join(', ')}")
            if (Grammar.RESULTS[parameter] && !(value in Grammar.RESULTS[parameter]))
                throw new Wrong("`${parameter}` is one of ${Grammar.RESULTS[parameter].join(', ')}")
        }
        if (known && !body && given[known[0]] == null)
            throw new Wrong("`${name}` needs `${known[0]}`")
        if (name in ['script', 'catchError'] && !body)
            throw new Wrong("`${name}` needs a block")
        if (name == 'sh')
            whole.ran(given.script as String)
        if (body)
            Block.run(whole, this, name == 'script' ? 'script' : 'step', body)
        null
    }
}

class Pipeline {
    Map environment = [:], axes = [:]
    List lines = []
    Object shard
    boolean matrix
    private String axisName

    void axis(String what, List args) {
        if (what == 'name')
            axisName = args[0]
        else
            axes[axisName] = args.collect { it as String }
    }

    void inMatrix(Closure body) {
        matrix = true
        body.call()
        matrix = false
    }

    void ran(String script) {
        if (shard == null || (shard != 0) == matrix)
            lines << script
    }
}

def fail = { String where, String text ->
    System.err.println "${where}: ${text}"
    System.exit(1)
}

def file = new File(args[0])
def whole = new Pipeline(shard: args.size() > 1 ? args[1] as int : null)
def began = false
def shell = new GroovyShell(new Binding([pipeline: { Closure body ->
    began = true
    Block.run(whole, null, 'pipeline', body)
}]))
try {
    shell.parse(file.text, 'Jenkinsfile').run()
} catch (org.codehaus.groovy.control.CompilationFailedException e) {
    fail(file.path, e.message)
} catch (Wrong e) {
    fail("${file.path}:${e.stackTrace.find { it.fileName == 'Jenkinsfile' }?.lineNumber}", e.message)
}
if (!began)
    fail(file.path, 'there is no `pipeline`')
whole.axes.each { name, values ->
    if (whole.shard && !values.contains(whole.shard as String))
        fail(file.path, "the axis ${name} has no ${whole.shard}")
}
if (whole.shard == null) {
    println "${file.path}: a declarative pipeline, ${whole.lines.size()} commands"
} else {
    whole.environment.each { name, value -> println "export ${name}='${value}'" }
    if (whole.shard)
        whole.axes.each { name, values -> println "export ${name}='${whole.shard}'" }
    whole.lines.each { println it }
}
