from globaldns.model.fingerprint import Fingerprint

OURS = Fingerprint("p", "z", "a", "q")


def test_what_both_say_and_is_not_the_same_differs():
    assert OURS.differing(Fingerprint("p", "other", "a", "other")) == ("zones", "quarantine")
    assert OURS.differing(OURS) == ()


def test_what_one_does_not_say_is_no_difference():
    assert OURS.differing(Fingerprint(pools="p")) == ()
    assert Fingerprint().differing(OURS) == ()
