/* SPDX-License-Identifier: MIT */
/*
 * Looks, limits and verdicts; and how often the whole benchmark errs, on simulated machines with
 * noise, drift and spikes. The seed is printed.
 */
#include "gate/judge.h"

#include <math.h>

#include "test.h"

enum { SEED = 20241121, SIMULATIONS = 2000, PAIRS_MAX = 24 };

/* -------------------------------------------------------------------------------- fixtures */

struct fixture {
    struct gate_plan plan;
    struct comparison_set set;
    struct gate_finding findings[FIGURES_MAX];
    size_t count;
};

/* A program without a load: wall, CPU, peak and steady RSS; every value is 1. */
static struct fixture *make_fixture(void)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    gate_plan_defaults(&fixture->plan);
    struct comparison_set *set = &fixture->set;
    figures_list(NULL, 0, NULL, 0, &set->figures);
    set->comparison_count = 2;
    set->arm_count = 2;
    set->aa = 1;
    snprintf(set->arms[0].label, sizeof set->arms[0].label, "old");
    for (size_t i = 0; i < 2; i++) {
        set->comparisons[i].pairs = calloc(PAIRS_MAX, sizeof(struct compare_pair));
        assert_non_null(set->comparisons[i].pairs);
        for (size_t pair = 0; pair < PAIRS_MAX; pair++)
            for (size_t figure = 0; figure < FIGURES_MAX; figure++)
                set->comparisons[i].pairs[pair].baseline.values[figure] =
                    set->comparisons[i].pairs[pair].candidate.values[figure] = 1;
    }
    set->comparisons[0].arm = 1;
    set->comparisons[1].is_aa = true;
    set->pairs = PAIRS_MAX;
    return fixture;
}

static void free_fixture(struct fixture *fixture)
{
    for (size_t i = 0; i < 2; i++)
        free(fixture->set.comparisons[i].pairs);
    gate_plan_free(&fixture->plan);
    free(fixture);
}

static void set_candidate(struct fixture *fixture, size_t comparison, size_t figure, double value)
{
    for (size_t pair = 0; pair < PAIRS_MAX; pair++)
        fixture->set.comparisons[comparison].pairs[pair].candidate.values[figure] =
            value * (1 + 0.0001 * (double)pair);
}

static const struct gate_finding *judged(struct fixture *fixture, size_t figure)
{
    fixture->count =
        gate_judge_figures(&fixture->plan, &fixture->set, 0, STATS_ALPHA, fixture->findings);
    for (size_t i = 0; i < fixture->count; i++)
        if (strcmp(fixture->findings[i].metric, fixture->set.figures.items[figure].name) == 0)
            return &fixture->findings[i];
    fail_msg("%s is not judged", fixture->set.figures.items[figure].name);
    return NULL;
}

/* ------------------------------------------------------------------------------------ looks */

static void looks_spend_five_percent_in_all(void **state)
{
    for (size_t pairs = 6; pairs <= 60; pairs++) {
        struct gate_look looks[GATE_LOOKS_MAX];
        size_t count = gate_looks(pairs, looks);
        double spent = 0;
        for (size_t i = 0; i < count; i++) {
            assert_true(looks[i].alpha > 0.005);
            assert_true(i == 0 || looks[i].pairs > looks[i - 1].pairs);
            spent += looks[i].alpha;
        }
        assert_float_equal(spent, STATS_ALPHA, 1e-12);
        assert_int_equal(looks[count - 1].pairs, pairs);
        assert_int_equal(count, pairs < 14 ? 1 : pairs < 22 ? 2 : 3);
    }
}

static void intervals_are_held_against_both_limits(void **state)
{
    const struct gate_limit limit = {0.02, 0.10};
    assert_int_equal(gate_judge_interval(-0.5, 0.02, &limit), GATE_GO);
    assert_int_equal(gate_judge_interval(-0.01, 0.021, &limit), GATE_CONDITIONAL);
    assert_int_equal(gate_judge_interval(0.09, 0.30, &limit), GATE_CONDITIONAL);
    assert_int_equal(gate_judge_interval(0.1001, 0.30, &limit), GATE_NO_GO);
    assert_int_equal(gate_judge_interval(NAN, 0, &limit), GATE_NO_GO);
    assert_int_equal(gate_judge_interval(0, INFINITY, &limit), GATE_NO_GO);
    assert_int_equal(gate_judge_value(0, &(struct gate_limit){0, 0.05}), GATE_GO);
    assert_int_equal(gate_judge_value(0.04, &(struct gate_limit){0, 0.05}), GATE_CONDITIONAL);
    assert_int_equal(gate_judge_value(0.06, &(struct gate_limit){0, 0.05}), GATE_NO_GO);
    assert_int_equal(gate_judge_value(9, &(struct gate_limit){0.15, INFINITY}), GATE_CONDITIONAL);
}

/* --------------------------------------------------------------------------------- verdicts */

static void figures_the_same_on_both_sides_are_go(void **state)
{
    struct fixture *fixture = make_fixture();
    judged(fixture, FIGURE_WALL);
    assert_int_equal(fixture->count, 4);
    for (size_t i = 0; i < fixture->count; i++)
        assert_int_equal(fixture->findings[i].verdict, GATE_GO);
    free_fixture(fixture);
}

static void figures_beyond_their_limits_are_no_go(void **state)
{
    struct fixture *fixture = make_fixture();
    set_candidate(fixture, 0, FIGURE_WALL, 1.12);
    set_candidate(fixture, 0, FIGURE_PEAK, 1.25);
    assert_int_equal(judged(fixture, FIGURE_WALL)->verdict, GATE_NO_GO);
    assert_int_equal(judged(fixture, FIGURE_PEAK)->verdict, GATE_NO_GO);
    assert_int_equal(judged(fixture, FIGURE_CPU)->verdict, GATE_GO);
    assert_non_null(strstr(judged(fixture, FIGURE_WALL)->text, "beyond 10.0 %"));
    set_candidate(fixture, 0, FIGURE_WALL, 1.05);
    set_candidate(fixture, 0, FIGURE_PEAK, 1.15);
    assert_int_equal(judged(fixture, FIGURE_WALL)->verdict, GATE_CONDITIONAL);
    assert_int_equal(judged(fixture, FIGURE_PEAK)->verdict, GATE_CONDITIONAL);
    free_fixture(fixture);
}

static void figures_that_are_missing_are_never_go(void **state)
{
    struct fixture *fixture = make_fixture();
    for (size_t pair = 0; pair < PAIRS_MAX; pair++)
        fixture->set.comparisons[0].pairs[pair].candidate.values[FIGURE_PEAK] = 0;
    assert_int_equal(judged(fixture, FIGURE_PEAK)->verdict, GATE_NO_GO);
    for (size_t pair = 0; pair < PAIRS_MAX; pair++)
        fixture->set.comparisons[0].pairs[pair].candidate.values[FIGURE_PEAK] = NAN;
    assert_int_equal(judged(fixture, FIGURE_PEAK)->verdict, GATE_NO_GO);
    free_fixture(fixture);
}

/* A run too short to be sampled has no steady RSS on either side: that is no figure. */
static void figures_measured_on_neither_side_are_left_out(void **state)
{
    struct fixture *fixture = make_fixture();
    for (size_t pair = 0; pair < PAIRS_MAX; pair++)
        fixture->set.comparisons[0].pairs[pair].candidate.values[FIGURE_STEADY] =
            fixture->set.comparisons[0].pairs[pair].baseline.values[FIGURE_STEADY] = NAN;
    judged(fixture, FIGURE_WALL);
    assert_int_equal(fixture->count, 3);
    free_fixture(fixture);
}

static void figures_missing_in_one_run_are_never_go(void **state)
{
    struct fixture *fixture = make_fixture();
    fixture->set.comparisons[0].pairs[3].candidate.values[FIGURE_PEAK] = NAN;
    assert_int_equal(judged(fixture, FIGURE_PEAK)->verdict, GATE_NO_GO);
    free_fixture(fixture);
}

/* A run that was over before the sampler saw it is no fault of its allocator. */
static void steady_rss_needs_enough_pairs_only(void **state)
{
    struct fixture *fixture = make_fixture();
    set_candidate(fixture, 0, FIGURE_STEADY, 1.5);
    fixture->set.comparisons[0].pairs[3].candidate.values[FIGURE_STEADY] = NAN;
    assert_int_equal(judged(fixture, FIGURE_STEADY)->verdict, GATE_NO_GO);
    for (size_t pair = STATS_PAIRS_MIN - 1; pair < PAIRS_MAX; pair++)
        fixture->set.comparisons[0].pairs[pair].baseline.values[FIGURE_STEADY] = NAN;
    assert_int_equal(judged(fixture, FIGURE_PEAK)->verdict, GATE_GO);
    assert_int_equal(fixture->count, 3);
    free_fixture(fixture);
}

static void metrics_of_which_more_is_better_are_turned_round(void **state)
{
    struct fixture *fixture = make_fixture();
    const char *const names[] = {"rps"};
    figures_list(NULL, 0, names, 1, &fixture->set.figures);
    size_t rps = fixture->set.figures.count - 1;
    fixture->plan.trial.picker_count = 1;
    fixture->plan.metrics[0] = (struct gate_metric){GATE_PERFORMANCE, true};
    set_candidate(fixture, 0, rps, 0.8);
    assert_int_equal(judged(fixture, rps)->verdict, GATE_NO_GO);
    set_candidate(fixture, 0, rps, 1.3);
    assert_int_equal(judged(fixture, rps)->verdict, GATE_GO);
    fixture->plan.metrics[0] = (struct gate_metric){GATE_FRAGMENTATION, false};
    assert_int_equal(judged(fixture, rps)->verdict, GATE_CONDITIONAL);
    set_candidate(fixture, 0, rps, 1.1);
    assert_int_equal(judged(fixture, rps)->verdict, GATE_GO);
    fixture->plan.trial.picker_count = 0; /* none of them is to be freed */
    free_fixture(fixture);
}

static size_t doubted(struct fixture *fixture, char *text, size_t size)
{
    judged(fixture, FIGURE_WALL);
    return gate_judge_machine(&fixture->plan, &fixture->set, STATS_ALPHA, fixture->findings,
                              fixture->count, text, size);
}

static void machine_that_differs_from_itself_is_named(void **state)
{
    struct fixture *fixture = make_fixture();
    char text[256];
    assert_int_equal(doubted(fixture, text, sizeof text), 0);
    set_candidate(fixture, 1, FIGURE_WALL, 1.01); /* real, and too small to matter */
    assert_int_equal(doubted(fixture, text, sizeof text), 0);
    set_candidate(fixture, 1, FIGURE_WALL, 1.05);
    set_candidate(fixture, 0, FIGURE_WALL, 1.5);
    assert_int_equal(doubted(fixture, text, sizeof text), 1);
    assert_string_equal(text, "old differs from itself by +5.1 % in wall time");
    assert_int_equal(fixture->findings[0].verdict, GATE_INCONCLUSIVE);
    assert_int_equal(fixture->findings[1].verdict, GATE_GO);
    free_fixture(fixture);
}

/* ------------------------------------------------------------------------------- simulation */

static double normal(void)
{
    return sqrt(-2 * log(1 - drand48())) * cos(2 * M_PI * drand48());
}

/* The i-th run of `runs`: noise of 2 %, a drift of 10 % over all, one in twenty 1.3 times as long.
 */
static double simulated_run(size_t i, size_t runs)
{
    double drift = 0.10 * (double)i / (double)runs;
    double spike = drand48() < 0.05 ? 1.3 : 1;
    return (1 + drift) * spike * exp(0.02 * normal());
}

static void simulate_figure(struct comparison_set *set, size_t figure, double effect)
{
    for (size_t pair = 0; pair < PAIRS_MAX; pair++)
        for (size_t i = 0; i < 2; i++) {
            struct compare_pair *at = &set->comparisons[i].pairs[pair];
            double first = simulated_run(4 * pair + 2 * i, 4 * PAIRS_MAX);
            double second = simulated_run(4 * pair + 2 * i + 1, 4 * PAIRS_MAX);
            at->baseline.values[figure] = pair % 2 ? second : first;
            at->candidate.values[figure] = (pair % 2 ? first : second) * (i == 0 ? effect : 1);
        }
}

struct rates {
    double go, conditional, no_go;
    double pairs; /* mean */
};

static enum gate_verdict hold(struct fixture *fixture, size_t *pairs)
{
    struct gate_look looks[GATE_LOOKS_MAX];
    size_t count = gate_looks(PAIRS_MAX, looks);
    enum gate_verdict verdict = GATE_GO;
    for (size_t i = 0; i < count; i++) {
        *pairs = fixture->set.pairs = looks[i].pairs;
        size_t found =
            gate_judge_figures(&fixture->plan, &fixture->set, 0, looks[i].alpha, fixture->findings);
        verdict = GATE_GO;
        for (size_t j = 0; j < found; j++)
            if (fixture->findings[j].verdict > verdict)
                verdict = fixture->findings[j].verdict;
        if (verdict != GATE_CONDITIONAL)
            break;
    }
    return verdict;
}

static struct rates simulate(double effect)
{
    static const size_t figures[] = {FIGURE_WALL, FIGURE_CPU, FIGURE_PEAK, FIGURE_STEADY};
    struct fixture *fixture = make_fixture();
    struct rates rates = {0};
    for (size_t i = 0; i < SIMULATIONS; i++) {
        size_t pairs = 0;
        for (size_t j = 0; j < SHALE_ARRAY_LENGTH(figures); j++)
            simulate_figure(&fixture->set, figures[j], figures[j] == FIGURE_WALL ? effect : 1);
        enum gate_verdict verdict = hold(fixture, &pairs);
        rates.go += verdict == GATE_GO;
        rates.conditional += verdict == GATE_CONDITIONAL;
        rates.no_go += verdict == GATE_NO_GO;
        rates.pairs += (double)pairs;
    }
    free_fixture(fixture);
    rates.go /= SIMULATIONS;
    rates.conditional /= SIMULATIONS;
    rates.no_go /= SIMULATIONS;
    rates.pairs /= SIMULATIONS;
    print_message("# effect %+.0f %%: GO %.1f %%, CONDITIONAL %.1f %%, NO-GO %.1f %%, %.1f pairs\n",
                  100 * (effect - 1), 100 * rates.go, 100 * rates.conditional, 100 * rates.no_go,
                  rates.pairs);
    return rates;
}

static void simulation_the_same_allocator_is_seldom_no_go(void **state)
{
    srand48(SEED);
    print_message("# seed %d, %d gates of four figures each\n", SEED, SIMULATIONS);
    struct rates rates = simulate(1);
    assert_true(rates.no_go <= 0.01);
    assert_true(rates.go >= 0.5);
}

static void simulation_a_slow_candidate_never_passes(void **state)
{
    srand48(SEED);
    assert_true(simulate(1.12).go <= 0.01);
    assert_true(simulate(1.10).no_go <= 0.05); /* on the limit: a false alarm */
    struct rates slow = simulate(1.20);
    assert_true(slow.go == 0);
    assert_true(slow.no_go >= 0.8);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(looks_spend_five_percent_in_all),
    cmocka_unit_test(intervals_are_held_against_both_limits),
    cmocka_unit_test(figures_the_same_on_both_sides_are_go),
    cmocka_unit_test(figures_beyond_their_limits_are_no_go),
    cmocka_unit_test(figures_that_are_missing_are_never_go),
    cmocka_unit_test(figures_measured_on_neither_side_are_left_out),
    cmocka_unit_test(figures_missing_in_one_run_are_never_go),
    cmocka_unit_test(steady_rss_needs_enough_pairs_only),
    cmocka_unit_test(metrics_of_which_more_is_better_are_turned_round),
    cmocka_unit_test(machine_that_differs_from_itself_is_named),
    cmocka_unit_test(simulation_the_same_allocator_is_seldom_no_go),
    cmocka_unit_test(simulation_a_slow_candidate_never_passes),
};

RUN_TESTS("gate_judge")
