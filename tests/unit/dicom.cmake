consilium_test(dicom/scan/test_frame_table frame_table)
