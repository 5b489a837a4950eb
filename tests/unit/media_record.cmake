consilium_test(media/record/test_sequence media_record)
consilium_test(media/record/test_timeline media_record)
consilium_test(media/record/test_finalise media_record)
