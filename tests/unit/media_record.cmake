consilium_test(media/record/test_sequence media_record)
consilium_test(media/record/test_timeline media_record)
consilium_test(media/record/test_finalise media_record)
# GLib grows its table of names while plugins are loaded and leaves the old one behind, which LeakSanitizer takes for a leak.
set_tests_properties(unit/media/record/test_finalise PROPERTIES ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0")
