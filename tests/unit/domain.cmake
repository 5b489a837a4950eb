consilium_test(hub/domain/test_fields domain)
consilium_test(hub/domain/test_fsm domain)
consilium_test(hub/domain/test_notify domain)
